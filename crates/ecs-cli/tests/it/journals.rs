//! The folder for journals, the list of runs, and concurrent runs.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::{Ended, Running, Sim, command, ecsctl, outcomes, wait_until};

const NONE: [&str; 0] = [];

/// Returns a command with its own state folder.
fn within(state: &Path, mut command: Command) -> Command {
    command.env("XDG_STATE_HOME", state);
    command
}

fn run(state: &Path, arguments: &[&str]) -> Ended {
    Ended::of(&mut within(state, command(arguments)))
}

fn slow(servers: usize) -> Sim {
    let hour = Duration::from_secs(3600);
    Sim::start(1, |region| region.servers(servers).durations(hour..=hour))
}

#[test]
fn only_the_owner_can_read_the_journal_of_a_run() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let sim = Sim::start(60, |region| region);
    let reboot = ["reboot", "--all", "--yes", "-o", "json"];
    let ended = Ended::of(&mut within(state, sim.command(&reboot))).expect(0);
    let run_id = ended.json()["run_id"].as_str().unwrap().to_owned();
    let folder = state.join("ecsctl/runs");
    let journal = folder.join(format!("{run_id}.jsonl"));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&journal)), (0o700, 0o600));
    // The journal has the user and the command line, without its secrets.
    let text = std::fs::read_to_string(&journal).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let by = &first["record"]["invocation"];
    assert!(
        by["pid"].is_u64() && by["user"].is_string() && by["host"].is_string(),
        "{by}"
    );
    assert!(
        by["program"].as_str().unwrap().starts_with("ecsctl "),
        "{by}"
    );
    let expected = by["command"].as_array().unwrap();
    assert!(
        expected.contains(&"reboot".into()) && expected.contains(&"***".into()),
        "{by}"
    );
    let token = sim.options().pop().unwrap();
    assert!(!text.contains(&token));
    // The run is found by its id, the beginning of it, and `last`.
    for name in [&run_id, &run_id[..8], "last"] {
        let shown = run(state, &["run", "show", name]).expect(0).stdout;
        assert!(shown.contains(&run_id), "{shown}");
    }
    let listed = run(state, &["run", "list", "-o", "json"]).expect(0).json();
    let row = &listed["runs"][0];
    assert_eq!(
        (&row["run_id"], &row["state"]),
        (&run_id.clone().into(), &"ended".into())
    );
    assert_eq!(row["summary"]["succeeded"], 3);
    let table = run(state, &["run", "list"]).expect(0).stdout;
    assert!(
        table.contains("3 succeeded") && table.contains("reboot SOFT"),
        "{table}"
    );
    run(state, &["run", "show", "0000"]).refuses(2, &["neither such a file nor a run", "run list"]);
    let without = [&reboot[..], &["--no-journal"]].concat();
    Ended::of(&mut within(state, sim.command(&without))).expect(0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn nothing_is_sent_without_a_journal_unless_requested() {
    let sim = Sim::start(60, |region| region);
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = Ended::of(&mut within(
        file.path(),
        sim.command(&["reboot", "--all", "--yes"]),
    ));
    refused.refuses(
        2,
        &[
            "no journal can be written",
            "nothing was sent",
            "--no-journal",
        ],
    );
    let nowhere = || {
        let mut command = sim.command(&["reboot", "--all", "--yes"]);
        command.env_remove("XDG_STATE_HOME").env_remove("HOME");
        command
    };
    Ended::of(&mut nowhere()).refuses(2, &["there is no folder for journals", "--journal FILE"]);
    assert_eq!(sim.accepted(), 0);
    let ended = Ended::of(nowhere().arg("--no-journal")).expect(0);
    assert!(
        ended
            .stderr
            .contains("other runs on the same servers are not detected"),
        "{}",
        ended.stderr
    );
    // A simulated run may go without a journal.
    let mut simulated = command(["reboot", "--sim", "--all", "--yes", "-q"]);
    let ended = Ended::of(simulated.env_remove("XDG_STATE_HOME").env_remove("HOME")).expect(0);
    assert!(
        ended.stderr.contains("cannot be resumed"),
        "{}",
        ended.stderr
    );
    let dash = ecsctl(
        &["reboot", "--sim", "--all", "--yes", "--journal", "-"],
        &NONE,
    )
    .expect(2);
    assert!(
        dash.stderr.contains("a journal needs a file"),
        "{}",
        dash.stderr
    );
}

/// The second run is refused with the id of the first; a killed run blocks no other.
#[test]
fn a_second_run_on_a_server_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let sim = slow(4);
    let [first, second] = [0, 1].map(|index| sim.id(index));
    let begin = |ids: &[&str]| within(state, sim.command(&[&["reboot", "--yes"], ids].concat()));
    let mut running = Running::of(&mut begin(&[&first, &second]));
    wait_until("it is accepted", || sim.accepted() == 2);
    let refused = Ended::of(&mut begin(&[&second, &sim.id(2)]));
    let pid = running.0.id().to_string();
    refused.refuses(
        2,
        &[
            "acts on 1 server of these",
            &second,
            &pid,
            "since ",
            "ecsctl run show",
        ],
    );
    assert_eq!(sim.accepted(), 2);
    // A plan sends nothing: it can be made meanwhile, and is not registered.
    let elsewhere = state.join("elsewhere");
    for (folder, name) in [(state, "a.plan"), (&elsewhere, "b.plan")] {
        let out = state.join(name).display().to_string();
        let expected = ["plan", "reboot", &second, "--no-preflight", "--out", &out];
        Ended::of(&mut within(folder, sim.command(&expected))).expect(0);
    }
    assert!(!elsewhere.exists());
    let list = ["run", "list", "-o", "json"];
    let row = run(state, &list).expect(0).json()["runs"][0].clone();
    assert_eq!(
        (row["state"].as_str(), row["pid"].to_string()),
        (Some("active"), pid)
    );
    let shown = run(state, &["run", "show", "last"]).expect(0).stdout;
    assert!(shown.contains("the run is active"), "{shown}");
    // Other servers are free.
    let others = Ended::of(begin(&[&sim.id(3)]).arg("--no-wait")).expect(0);
    drop(others);
    running.0.kill().unwrap();
    running.wait();
    let rows = run(state, &list).expect(0).json();
    let states: Vec<_> = rows["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert!(states.contains(&&"interrupted".into()), "{rows}");
    // The service still executes the first action, but no process of this machine runs.
    let ended = Ended::of(begin(&[&second]).args(["--no-wait", "--no-preflight"]));
    assert!(
        ended.stderr.contains("busy with another task"),
        "{}",
        ended.stderr
    );
}

#[test]
fn runs_are_resumed_at_their_place() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let stops = [
        "reboot",
        "--sim",
        "--sim-fail",
        "100%",
        "--all",
        "--yes",
        "-q",
    ];
    run(state, &stops).expect(5);
    let rehearsal = run(state, &["resume", "last", "--dry-run"]).expect(0);
    for expected in [
        "dry run: would resume run",
        "1190 to send",
        "of the run's 1200 servers failed",
        "ago",
    ] {
        assert!(
            rehearsal.stdout.contains(expected),
            "{expected:?} in {}",
            rehearsal.stdout
        );
    }
    assert!(
        rehearsal.stderr.contains("--sim is used again"),
        "{}",
        rehearsal.stderr
    );
    // The printed command works unchanged.
    let shown = run(state, &["run", "show", "last"]).expect(0).stdout;
    let mut lines = shown.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with("ecsctl resume "));
    let expected = line.unwrap_or_else(|| panic!("{shown}")).split(' ').skip(1);
    let expected: Vec<&str> = expected.chain(["--dry-run"]).collect();
    run(state, &expected).expect(0);
    let elsewhere = [
        "resume",
        "last",
        "--yes",
        "--endpoint",
        "http://127.0.0.1:9",
    ];
    run(state, &elsewhere).refuses(2, &["simulated", "--endpoint", "nothing was sent"]);

    let sim = Sim::start(60, |region| region.servers(4));
    let id = sim.info().servers[0];
    sim.with(|region| region.set_failing(&id, true));
    let stops = ["reboot", "--all", "--yes", "--wave=1", "-o=json"];
    Ended::of(&mut within(state, sim.command(&stops))).expect(5);
    // The environment names another place, and the journal takes precedence.
    let mut resume = command(["resume", "last", "--yes", "-o=json", "--token"]);
    let token = sim.options().pop().unwrap();
    resume.arg(&token).env("ECSCTL_SIM_SPEED", "60");
    resume
        .env("OS_REGION_NAME", "eu-de")
        .env("ECSCTL_ENDPOINT", "http://127.0.0.1:9");
    let ended = Ended::of(&mut within(state, resume)).expect(1);
    assert_eq!(
        outcomes(&ended.json()),
        ["failed", "succeeded", "succeeded", "succeeded"]
    );
}

/// The second process meets jobs of its own, although its simulated region has the same servers.
#[test]
fn a_simulated_run_is_resumed_by_another_process() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let stops = ["reboot", "--sim", "--sim-fail=100%", "--all", "--yes", "-q"];
    run(state, &stops).expect(5);
    let resume = ["resume", "last", "--sim", "--yes", "-o=json"];
    let counts = run(state, &resume).expect(1).json()["summary"].clone();
    assert_eq!(counts["failed"], 10, "{counts}");
    assert_eq!(counts["succeeded"], 1190, "{counts}");
}

/// An option that names another place is reported, with the missing one.
#[test]
fn resuming_elsewhere_is_refused_with_the_option() {
    let sim = Sim::start(60, |region| region.servers(4));
    let id = sim.info().servers[0];
    sim.with(|region| region.set_failing(&id, true));
    let stops = ["reboot", "--all", "--yes", "--wave=1", "-o=json"];
    let ended = Ended::of(&mut sim.command(&stops)).expect(5);
    let run_id = ended.json()["run_id"].as_str().unwrap().to_owned();
    let resume = [
        "resume",
        &run_id,
        "--yes",
        "--token",
        "t",
        "--endpoint",
        "http://127.0.0.1:9",
    ];
    let endpoint = format!("give --endpoint {}", sim.info().listening);
    ecsctl(&resume, &NONE).refuses(2, &[&endpoint, "nothing was sent"]);
    // Without a terminal there is no question.
    let unasked = Ended::of(&mut sim.command(&["resume", &run_id]));
    unasked.refuses(2, &["no terminal", "--yes"]);
    assert_eq!(sim.accepted(), 1);
}

#[test]
fn a_missing_health_command_is_detected_before_anything_is_sent() {
    let sim = Sim::start(60, |region| region);
    let reboot = [
        "reboot",
        "--all",
        "--yes",
        "--wave=1",
        "--health-cmd",
        "/nonexistent/check.sh",
    ];
    let refused = Ended::of(&mut sim.command(&reboot));
    refused.refuses(2, &["/nonexistent/check.sh", "nothing was sent"]);
    assert_eq!(sim.accepted(), 0);
}
