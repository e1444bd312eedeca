//! Rolling runs of `ecsctl` as a process: waves, stops and resumption.

#![cfg(unix)]

mod canary;
mod disk;
mod escalate;
mod health;
mod killed;
mod order;
mod pausing;
mod stops;
mod usage;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Ended, Running, Sim};
use ecs_ops::model::ServerId;
use ecs_sim::{Acceptance, RegionBuilder};
use serde_json::Value;

/// The speed of the region's clock, which `ecsctl` knows, so that a wave takes a fraction of a second.
const SPEED: u32 = 60;

/// The duration of every action, by the region's clock.
const LASTS: Duration = Duration::from_secs(4);
/// From the acceptance to the end of a job: its preparation, and then the action.
const JOB: Duration = Duration::from_millis(4200);

/// A region whose actions all take equally long.
fn region(servers: usize) -> Sim {
    region_with(servers, |region| region)
}

fn region_with(servers: usize, settings: impl FnOnce(RegionBuilder) -> RegionBuilder) -> Sim {
    Sim::start(SPEED, |region| {
        settings(region.servers(servers).durations(LASTS..=LASTS))
    })
}

/// Runs `ecsctl` to its end.
fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    Ended::of(&mut sim.command(arguments))
}

/// Starts `ecsctl`, with pipes.
fn spawn(sim: &Sim, arguments: &[&str]) -> Running {
    Running::of(&mut sim.command(arguments))
}

/// The command that a run continue with.
#[track_caller]
fn output(ended: &Ended) -> String {
    let mut lines = ended.stderr.lines();
    let found = lines.find(|line| line.starts_with("hint: to continue"));
    assert!(found.is_some(), "{}", ended.stderr);
    let line = lines.next().unwrap().trim();
    assert!(line.starts_with("ecsctl "), "{line}");
    line.to_owned()
}

/// Runs such a command as a user would, with the token added.
fn typed(sim: &Sim, line: &str, temp: &Path) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_ecsctl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let token = sim.options().pop().unwrap();
    let mut shell = Command::new("sh");
    // There is no terminal.
    let yes = if line.contains(" --yes") {
        ""
    } else {
        " --yes"
    };
    shell.args(["-c", &format!("{line} --token {token}{yes}")]);
    shell.env_clear().stdin(Stdio::null());
    shell.env("PATH", format!("{}:{path}", program.display()));
    shell.env("HOME", "/nonexistent").env("TMPDIR", temp);
    shell.env("XDG_STATE_HOME", crate::common::state());
    shell.current_dir(temp);
    shell.env("ECSCTL_METADATA_ENDPOINT", "http://127.0.0.1:9");
    shell.env("ECSCTL_SIM_SPEED", SPEED.to_string());
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        shell.env("LLVM_PROFILE_FILE", profile);
    }
    Ended::of(&mut shell)
}

/// Returns the accepted requests.
fn log(sim: &Sim) -> Vec<Acceptance> {
    sim.with(|region| region.accepted().entries().to_vec())
}

/// Returns the servers of each accepted request.
fn requests(sim: &Sim) -> Vec<Vec<ServerId>> {
    log(sim).into_iter().map(|value| value.servers).collect()
}

/// Returns how often the most accepted server was accepted.
fn most_times(sim: &Sim) -> u32 {
    sim.with(|region| region.accepted().most_times())
}

/// The region's servers in waves, in the order of its list.
fn waves(sim: &Sim, size: usize) -> Vec<Vec<ServerId>> {
    let servers = sim.info().servers.chunks(size);
    servers.map(<[ServerId]>::to_vec).collect()
}

/// Asserts that each request was accepted after the end of all servers of the one before.
#[track_caller]
fn never_overlaps(log: &[Acceptance]) {
    for pair in log.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= JOB, "{gap:?} apart: {pair:?}");
    }
}

/// The counts of a report: succeeded, failed, running, not attempted, unknown. Each server of the region is in it once, in
/// the order of the list.
#[track_caller]
fn counts(sim: &Sim, report: &Value) -> [u64; 5] {
    assert_eq!(ids(report), sim.ids());
    let outcomes = crate::common::outcomes(report);
    let names = ["succeeded", "failed", "running", "not_attempted", "unknown"];
    let summary = &report["summary"];
    assert_eq!(summary["requested"], outcomes.len());
    names.map(|name| {
        let count = outcomes.iter().filter(|outcome| **outcome == name).count();
        assert_eq!(summary[name], count, "{report}");
        count as u64
    })
}

fn ids(report: &Value) -> Vec<&str> {
    let servers = report["servers"].as_array().unwrap().iter();
    servers
        .map(|server| server["id"].as_str().unwrap())
        .collect()
}

/// Returns the servers with this outcome.
fn with_outcome<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let outcomes = crate::common::outcomes(report);
    let found = ids(report).into_iter().zip(outcomes);
    found
        .filter(|(_, value)| *value == outcome)
        .map(|(id, _)| id)
        .collect()
}

#[track_caller]
fn contains(text: &str, expected: &str) {
    assert!(
        text.contains(expected),
        "{expected:?} is missing in:\n{text}"
    );
}
