//! The cost of a call: our client and baselines, each a small program with the same arguments, and the server that they
//! call.
//!
//! `cargo xtask bench` runs them side by side and prints the tables of `docs/performance.md`.
//!
//! | program | is |
//! |---|---|
//! | `client` | ours, by the public API of `ecs-ops` |
//! | `hand` | what one would write by hand: hyper, serde with owned strings, HMAC signing |
//! | `with-reqwest` | the same on reqwest |
//! | `server` | answers at once, from prepared bytes |
//! | `instructions` | does one thing many times, for `cargo xtask instructions` to count |
//!
//! | module | holds |
//! |---|---|
//! | `arguments` | [`Arguments`]: the arguments of the programs |
//! | `measure` | [`Usage`]: CPU time, wall time and memory of this process |
//! | `signing` | [`sign`]: the signature, as the baselines make it |
//! | `answer` | [`Job`]: a job, as the baselines read it; [`job_body`]: as the service writes it |
//!
//! ```
//! use ecs_bench::{Action, Arguments};
//!
//! let given = ["--base-url", "http://127.0.0.1:1", "--action", "bench-job", "--job-id", "j", "-n", "5"];
//! let arguments = Arguments::parse(given.map(str::to_owned))?;
//! assert_eq!((arguments.action, arguments.calls), (Action::BenchJob, 5));
//! # Ok::<_, String>(())
//! ```

mod answer;
mod arguments;
mod measure;
mod signing;

pub use answer::{Job, job_body};
pub use arguments::{Action, Arguments};
pub use measure::{Usage, WARM_UP, print_failure};
pub use signing::{Signature, sign};

use std::fmt::Write as _;

/// The body of a restart of `servers` servers, as the baselines write it.
pub fn reboot_body(servers: &[String]) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        reboot: Reboot<'a>,
    }
    #[derive(serde::Serialize)]
    struct Reboot<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        servers: Vec<Server<'a>>,
    }
    #[derive(serde::Serialize)]
    struct Server<'a> {
        id: &'a str,
    }
    let servers = servers.iter().map(|id| Server { id }).collect();
    let reboot = Reboot {
        kind: "SOFT",
        servers,
    };
    serde_json::to_vec(&Body { reboot })
}

/// The ids of `count` servers that the programs restart.
///
/// ```
/// assert_eq!(ecs_bench::server_ids(2)[1], "00000001-46ca-475e-917e-2563e5a8cd19");
/// ```
pub fn server_ids(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let mut id = String::with_capacity(36);
            // Writing to a String cannot fail.
            let _ = write!(id, "{number:08x}-46ca-475e-917e-2563e5a8cd19");
            id
        })
        .collect()
}
