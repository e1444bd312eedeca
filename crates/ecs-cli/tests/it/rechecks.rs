//! Rechecks of waves, while another user acts on the servers.

use std::path::Path;
use std::time::Duration;

use crate::common::{Ended, Sim, outcomes};

/// Twelve servers with very short jobs.
fn fleet() -> Sim {
    let second = Duration::from_secs(1);
    Sim::start(60, |region| region.servers(12).durations(second..=second))
}

/// A health check that runs this command of another user once, after the first wave.
fn once(folder: &Path, command: &str) -> String {
    let done = folder.join("done");
    let done = done.to_str().unwrap();
    let ecsctl = env!("CARGO_BIN_EXE_ecsctl");
    let state = folder.join("other");
    let state = state.to_str().unwrap();
    format!("test -e {done} || {{ touch {done}; XDG_STATE_HOME={state} {ecsctl} {command}; }}")
}

/// Another user restarts a server of the second wave during the first one.
fn restarted_by_another_user(sim: &Sim, folder: &Path) -> String {
    let options = sim.options().join(" ");
    once(
        folder,
        &format!("reboot {} --yes --quiet {options}", sim.id(5)),
    )
}

fn reboot(sim: &Sim, folder: &Path, check: &str, more: &[&str]) -> Ended {
    let journal = folder.join("run.jsonl");
    let mut arguments = vec!["reboot", "--yes", "--wave", "4"];
    arguments.extend([
        "--health-cmd",
        check,
        "--journal",
        journal.to_str().unwrap(),
    ]);
    let ids = sim.ids();
    arguments.extend(ids.iter().map(String::as_str));
    arguments.extend(more);
    Ended::of(&mut sim.command(&arguments))
}

fn resume(sim: &Sim, folder: &Path, more: &[&str]) -> Ended {
    let journal = folder.join("run.jsonl");
    let resume = ["resume", journal.to_str().unwrap(), "--yes", "-o", "json"];
    Ended::of(&mut sim.command(&[&resume[..], more].concat()))
}

/// Returns how often each server was restarted.
fn restarts(sim: &Sim) -> Vec<usize> {
    let accepted = sim.with(|region| {
        let entries = region.accepted().entries().iter();
        entries
            .flat_map(|entry| entry.servers.clone())
            .collect::<Vec<_>>()
    });
    let times = |id: &String| {
        accepted
            .iter()
            .filter(|server| server.to_string() == *id)
            .count()
    };
    sim.ids().iter().map(times).collect()
}

#[test]
fn a_server_restarted_by_others_stops_the_run_before_its_wave() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let check = restarted_by_another_user(&sim, folder);
    let ended = reboot(&sim, folder, &check, &["-o", "json"]).expect(5);
    let report = ended.json();
    assert_eq!(report["stopped"]["rule"], "not_ready");
    assert_eq!(report["stopped"]["wave"], 2);
    assert_eq!(report["summary"]["not_attempted"], 8);
    let reason = report["servers"][5]["error"]["message"].as_str().unwrap();
    assert!(
        reason.contains("perhaps restarted by somebody else"),
        "{reason}"
    );
    for message in [
        "wave 2: 1 server is no longer ready",
        &sim.id(5),
        "--skip-unready",
    ] {
        assert!(
            ended.stderr.contains(message),
            "{message:?}: {}",
            ended.stderr
        );
    }
    assert_eq!(restarts(&sim), [1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);

    // A resumed run stops again; on request the server is skipped, and never sent by this run.
    resume(&sim, folder, &[]).expect(5);
    let ended = resume(&sim, folder, &["--skip-unready"]).expect(1);
    let report = ended.json();
    assert_eq!(report["summary"]["succeeded"], 11);
    assert_eq!(report["unready"][0]["why"]["reason"], "changed");
    assert!(!ended.stderr.contains("to continue"), "{}", ended.stderr);
    assert_eq!(restarts(&sim), [1; 12]);
    resume(&sim, folder, &[]).expect(1);
    assert_eq!(restarts(&sim), [1; 12]);

    let journal = folder.join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let show = ["run", "show", journal, "-o", "json"];
    let shown = Ended::of(&mut sim.command(&show)).expect(0).json();
    assert_eq!(shown["servers"][5]["unready"]["reason"], "changed");
    assert!(shown["servers"][5]["name"].is_string());
    let shown = Ended::of(&mut sim.command(&["run", "show", journal])).expect(0);
    assert!(
        shown.stdout.contains("skipped before wave 2"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("nothing is left to send"),
        "{}",
        shown.stdout
    );

    // A new run acts on it.
    let again = [
        "rerun",
        journal,
        "--not-attempted",
        "--yes",
        "--no-journal",
        "-o",
        "json",
    ];
    let ended = Ended::of(&mut sim.command(&again)).expect(0);
    assert_eq!(ended.json()["servers"][0]["id"], sim.id(5).as_str());
    assert!(!ended.stderr.contains("do not resume"), "{}", ended.stderr);
}

#[test]
fn with_skip_unready_the_run_continues_with_the_others() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let check = restarted_by_another_user(&sim, folder.path());
    let lines = reboot(
        &sim,
        folder.path(),
        &check,
        &["--skip-unready", "-o", "jsonl"],
    );
    let lines = lines.expect(1).lines();
    let event = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap();
    let rechecked = event("wave_rechecked");
    assert_eq!(rechecked["unready"][0]["id"], sim.id(5).as_str());
    assert_eq!(
        (&rechecked["wave"], &rechecked["skipped"]),
        (&2.into(), &true.into())
    );
    let report = event("report");
    let mut expected = ["succeeded"; 12];
    expected[5] = "not_attempted";
    assert_eq!(outcomes(report), expected);
    assert_eq!(restarts(&sim), [1; 12]);
}

#[test]
fn without_the_recheck_the_server_is_restarted_again() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let check = restarted_by_another_user(&sim, folder.path());
    reboot(&sim, folder.path(), &check, &["--no-recheck"]).expect(0);
    assert_eq!(restarts(&sim)[5], 2);
}

/// The option is for runs with waves.
#[test]
fn skip_unready_is_refused_for_a_resumed_run_without_waves() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let arguments = [
        "reboot",
        "--yes",
        "--journal",
        journal.to_str().unwrap(),
        &sim.id(0),
    ];
    Ended::of(&mut sim.command(&arguments)).expect(0);
    let refused = resume(&sim, folder.path(), &["--skip-unready"]).expect(2);
    assert!(
        refused
            .stderr
            .contains("--skip-unready is for a run with waves")
    );
}

/// The journal has the servers that the preflight skipped, and they are shown with name and reason.
#[test]
fn run_show_and_rerun_know_the_servers_skipped_by_the_preflight() {
    let sim = Sim::start(60, |region| region.servers(4).locked(0.5).seed(8));
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let arguments = [
        "reboot",
        "--all",
        "--skip-unready",
        "--yes",
        "--journal",
        journal,
        "-o",
        "json",
    ];
    let report = Ended::of(&mut sim.command(&arguments)).expect(1).json();
    let unready = report["unready"].as_array().unwrap();
    assert!((1..4).contains(&unready.len()));
    let shown = Ended::of(&mut sim.command(&["run", "show", journal]))
        .expect(0)
        .stdout;
    let (id, name) = (
        unready[0]["id"].as_str().unwrap(),
        unready[0]["name"].as_str().unwrap(),
    );
    assert!(
        shown.contains("skipped, because it was not ready: locked"),
        "{shown}"
    );
    assert!(shown.contains(&format!("{id}  {name}")), "{shown}");
    assert!(shown.contains("nothing is left to send"), "{shown}");
    let listed = [
        "run",
        "show",
        journal,
        "-o",
        "id",
        "--outcome",
        "not-attempted",
    ];
    let listed = Ended::of(&mut sim.command(&listed)).expect(0).stdout;
    assert_eq!(listed.lines().count(), unready.len());
    // Still locked.
    let again = ["rerun", journal, "--not-attempted", "--yes", "--no-journal"];
    Ended::of(&mut sim.command(&again)).refuses(2, &["none is ready"]);
}
