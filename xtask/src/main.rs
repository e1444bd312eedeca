//! Developer tasks, run as `cargo xtask …`.
//!
//! | task | does |
//! |---|---|
//! | `bench` | measures our client beside handwritten tools and official SDKs; prints the tables of docs/performance.md |
//! | `codegen` | writes the files that are generated from the API description; with `--check` only reports outdated ones |
//! | `instructions` | counts the instructions of frequent operations, by callgrind; compares them with the baseline |
//! | `interop-credentials` | runs the official tools and `ecsctl` on the same credentials, and shows differences |
//! | `layers` | checks that modules do not import each other in a circle, and that no crate has a forbidden dependency |
//! | `sweep` | simulates many seeds of client, region and faults; shows one |
//! | `waiting` | measures the cost of waiting for jobs, on simulated time |

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal: what it prints is what it is for"
)]

mod bench;
mod codegen;
#[cfg(test)]
mod glossary;
mod interop;
mod layers;
mod simulated;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <chore>

chores:
  bench [CASE]       measure our client beside baselines, and ecsctl itself, optimized: all cases, or those whose name
                     begins so (job, large-job, run, encode, memory, start, waiting, fleet, pages, size)
  bench build        measure how long an optimized build takes from nothing
  bench --write      all cases but build; write the tables into docs/performance.md
  codegen            write the generated files from crates/ecs-model/api/ecs.openapi.yaml
  codegen --check    write nothing; list what is stale, missing or extra, and fail if anything is
  instructions --check
                     count instructions by valgrind; fail if anything takes over 5 % more than the baseline
  instructions --update
                     write the baseline crates/ecs-bench/instructions.txt anew
  interop-credentials [-v | --ecsctl PATH]
                     run openstacksdk and the Huawei Cloud SDK (pinned, from PyPI) and ecsctl on the rows of official_clients.json;
                     fail on a difference, end with 3 if the packages cannot be had; -v shows each row;
                     --ecsctl compares this program instead of building one
  layers             fail if modules of a crate import each other in a circle, or a crate uses one that it may not
  sweep [--seeds N] [--from S] [--threads T]
                     simulate N seeds from S on T threads, optimized; fail if a run breaks a rule
  sweep --show S     simulate one seed and show what happened
  sweep --lives 1 …  the same, with waves, a journal and deaths in each seed
  waiting            measure what waiting for jobs costs, optimized; print the tables of docs/job-waiting.md
  help               show this";

fn main() -> ExitCode {
    // xtask lives one level below the root of the workspace.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["codegen"] => codegen::write(root),
        ["codegen", "--check"] => codegen::check(root),
        ["bench"] => bench::run(root, "", false),
        ["bench", "--write"] => bench::run(root, "", true),
        ["bench", case] => bench::run(root, case, false),
        ["instructions", "--check"] => bench::instructions::check(root),
        ["instructions", "--update"] => bench::instructions::update(root),
        ["interop-credentials", arguments @ ..] => match arguments {
            [] => interop::credentials(root, None, &[]),
            ["-v"] => interop::credentials(root, None, &["-v"]),
            ["--ecsctl", path] => interop::credentials(root, Some(path), &[]),
            _ => usage_error(),
        },
        ["layers"] => layers::check(root),
        ["sweep", arguments @ ..] => simulated::run(root, "sweep", arguments),
        ["waiting"] => simulated::run(root, "waiting", &[]),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => usage_error(),
    }
}

fn usage_error() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
