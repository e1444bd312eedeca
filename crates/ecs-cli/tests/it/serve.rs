//! `ecsctl serve` as a process, over real sockets.

mod access;
mod client;
mod limits;
mod live;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use self::client::{Answer, exchange};
use crate::common::{Ended, Running, Sim, command, ecsctl, wait_until};
use crate::store::{reboot, stores};

/// A process that serves a store, and the token that leads into it.
struct Site {
    process: Running,
    /// Host and port.
    address: String,
    token: String,
}

impl Site {
    fn start(store: &str, more: &[&str]) -> Self {
        let serve = ["serve", "--store", store, "--listen", "127.0.0.1:0"];
        Self::of(&[&serve, more].concat())
    }

    fn of(arguments: &[&str]) -> Self {
        let mut process = Running::of(&mut command(arguments));
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let mut token = String::new();
        let mut line = String::new();
        if first.is_empty() {
            stderr.read_to_string(&mut line).unwrap();
            panic!("it did not start: {line}");
        }
        while token.is_empty() && !arguments.contains(&"--token-file") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0);
            if let Some((_, found)) = line.split_once("/login#") {
                token = found.trim().to_owned();
            }
        }
        // The server must never wait for a reader of its stderr.
        std::thread::spawn(move || stderr.read_to_string(&mut String::new()));
        let first: Value = serde_json::from_str(&first).unwrap();
        let listening = first["listening"].as_str().unwrap();
        Self {
            process,
            address: listening.strip_prefix("http://").unwrap().to_owned(),
            token,
        }
    }

    /// Without a login.
    fn get(&self, path: &str) -> Answer {
        exchange(
            &self.address,
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"),
            "",
        )
    }

    /// With this line in the head.
    fn get_with(&self, path: &str, line: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n");
        exchange(&self.address, &head, "")
    }

    /// Gets a path as a program does.
    fn get_as_program(&self, path: &str) -> Answer {
        self.get_with(path, &format!("Authorization: Bearer {}", self.token))
    }

    fn post(&self, path: &str, line: &str, form: &str) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n{line}\r\n",
            form.len()
        );
        exchange(&self.address, &head, form)
    }

    /// Logs in; the line with the cookie.
    fn log_in(&self) -> String {
        let answer = self.post("/login", "X: x", &format!("token={}", self.token));
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap();
        let (pair, _) = cookie.split_once(';').unwrap();
        format!("Cookie: {pair}")
    }

    /// The page, once it has this text.
    fn until(&self, path: &str, text: &str) -> String {
        let mut page = String::new();
        wait_until(&format!("{path} has {text}"), || {
            page = self.get_as_program(path).body;
            page.contains(text)
        });
        page
    }
}

/// A restart of all servers; its id.
fn restarted(sim: &Sim, store: &str) -> String {
    let run = reboot(store, &[]);
    let report = Ended::of(&mut sim.command(&run)).expect(0).json();
    report["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_token_gives_access_to_the_runs() {
    for store in stores() {
        sees_the_runs(&store);
    }
}

fn sees_the_runs(store: &str) {
    let sim = Sim::start(60, |region| region.servers(8));
    let run = restarted(&sim, store);
    let site = Site::start(store, &[]);
    let cookie = site.log_in();

    site.until("/", "8 succeeded");
    let list = site.get_with("/", &cookie);
    assert_eq!(list.status, 200);
    for text in [
        &run,
        "reboot soft",
        "8 servers",
        &format!("href=\"/runs/{run}\""),
        "ended",
    ] {
        assert!(list.body.contains(text), "{text}: {}", list.body);
    }
    let page = site.get_with(&format!("/runs/{run}"), &cookie);
    assert_eq!(page.status, 200);
    for id in sim.ids() {
        assert_eq!(page.body.matches(&id).count(), 1, "{id}: {}", page.body);
    }
    assert!(
        page.body.contains("8 servers: 8 succeeded") && page.body.contains("<h2>Timeline</h2>")
    );

    // The same documents as those of the commands.
    let expected = ecsctl(&["run", "list", "--store", store, "-o", "json"], &[""; 0]).expect(0);
    assert_eq!(site.get_as_program("/runs.json").json(), expected.json());
    let show = ["run", "show", &run, "--store", store, "-o", "json"];
    let expected = ecsctl(&show, &[""; 0]).expect(0);
    let shown = site.get_as_program(&format!("/runs/{run}.json"));
    assert_eq!(shown.json(), expected.json());
    assert_eq!(shown.header("content-type"), Some("application/json"));

    for path in ["/runs/nobody", "/runs/nobody.json", "/runs/nobody/events"] {
        let answer = site.get_with(path, &cookie);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.body.contains("nobody"), "{path}: {answer:?}");
    }
}

#[test]
fn a_role_that_may_only_read_suffices() {
    let Some((server, store)) = crate::store::server_with_store() else {
        return;
    };
    let sim = Sim::start(60, |region| region.servers(4));
    let run = restarted(&sim, &store);
    let database = store.rsplit('/').next().unwrap();
    let rights = "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA ecsctl TO reader; \
                  GRANT SELECT ON ALL TABLES IN SCHEMA ecsctl TO reader; GRANT EXECUTE ON FUNCTION ecsctl.microseconds TO reader";
    server.execute(database, rights).unwrap();
    let site = Site::start(&server.address("reader", database), &[]);
    site.until("/", "4 succeeded");
    assert!(
        site.get_as_program(&format!("/runs/{run}"))
            .body
            .contains("4 succeeded")
    );
}

#[test]
fn invalid_settings_are_refused() {
    let store = stores().remove(0);
    let refused = |more: &[&str], expected: &[&str]| {
        let serve = ["serve", "--store", &store];
        ecsctl(&[&serve, more].concat(), &[""; 0]).refuses(2, expected);
    };
    refused(
        &["--listen", "0.0.0.0:0"],
        &["--listen 0.0.0.0:0", "TLS", "--plain-http"],
    );
    refused(&["--listen", "localhost:80"], &["127.0.0.1:7788"]);
    refused(&["--public-url", "runs.example"], &["https://runs.example"]);
    refused(&["--token-file", "/nonexistent"], &["/nonexistent"]);
    ecsctl(&["serve"], &[""; 0]).refuses(2, &["no store is named"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    refused(&["--listen", &taken], &[&taken, "--listen"]);
    // A printed token would stay in the journal of the system.
    let mut serve = command(["serve", "--store", &store]);
    Ended::of(serve.env("JOURNAL_STREAM", "8:1")).refuses(2, &["--token-file"]);
    assert!(!Path::new("127.0.0.1").exists());
}
