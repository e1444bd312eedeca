//! The default brake: the rules that stop a run without `--max-failures`.

use std::time::Duration;

use serde_json::json;

use crate::common::{Ended, Sim, ecsctl, outcomes};

const NONE: [&str; 0] = [];

fn fleet(servers: usize) -> Sim {
    let second = Duration::from_secs(4);
    Sim::start(60, |region| {
        region.servers(servers).durations(second..=second)
    })
}

fn fails(sim: &Sim, indices: impl Iterator<Item = usize>) {
    for index in indices {
        let id = sim.info().servers[index];
        sim.with(|region| region.set_failing(&id, true));
    }
}

fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    let all = ["reboot", "--all", "--yes", "-o", "json"];
    Ended::of(&mut sim.command(&[&all[..], arguments].concat()))
}

/// The report and the journal have the typed reason of the stop.
#[test]
fn a_failing_run_stops_without_any_option() {
    let journal = tempfile::tempdir().unwrap();
    let journal = journal.path().join("run.jsonl");
    let arguments = [
        "reboot",
        "--sim",
        "--sim-fail",
        "100%",
        "--all",
        "--yes",
        "-o",
        "json",
        "--journal",
        journal.to_str().unwrap(),
    ];
    let ended = ecsctl(&arguments, &NONE).expect(5);
    let report = ended.json();
    assert_eq!(report["summary"]["failed"], 10);
    assert_eq!(report["summary"]["not_attempted"], 1190);
    assert_eq!(
        report["stopped"],
        json!({"kind": "rolling", "rule": "wave_without_success", "wave": 1})
    );
    assert_eq!(
        report["brake"],
        json!({"max_failures": 120, "wave_without_success": true, "canary_failure": false, "default": true})
    );
    for expected in [
        "2 waves of at most 1190 servers",
        "brake     stops when more than 120 servers failed, or no server of a wave succeeded",
        "stopped in wave 1 of 2: no server of wave 1 succeeded",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected:?} in {}",
            ended.stderr
        );
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains(r#""rule":"wave_without_success""#), "{text}");
    assert!(text.contains(r#""brake":true"#));
}

#[test]
fn the_question_and_the_dry_run_show_the_brake() {
    let sim = fleet(30);
    fails(&sim, 0..30);
    let rehearsal = Ended::of(&mut sim.command(&["reboot", "--all", "--wave", "10", "--dry-run"]));
    let shown = rehearsal.expect(0).stdout;
    assert!(
        shown.contains("brake     stops when more than 3 servers failed, or no"),
        "{shown}"
    );
    let ended = run(&sim, &["--wave", "10", "--max-failures", "none"]).expect(1);
    assert!(
        ended
            .stderr
            .contains("brake     none (--max-failures none)"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.json()["summary"]["failed"], 30);
    assert_eq!(ended.json()["brake"], json!(null));
}

#[test]
fn a_wave_without_success_and_too_many_failures_stop_a_run() {
    let sim = fleet(40);
    fails(&sim, 10..20);
    let ended = run(&sim, &["--wave", "5"]).expect(5);
    assert!(
        ended
            .stderr
            .contains("stopped in wave 3 of 8: no server of wave 3 succeeded")
            || ended
                .stderr
                .contains("stopped in wave 3 of 8: 5 servers failed (limit: 4)"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.json()["summary"]["not_attempted"], 25);
    let sim = fleet(40);
    // Two of each ten.
    fails(&sim, (0..40).filter(|index| index % 10 < 2));
    let ended = run(&sim, &["--wave", "10"]).expect(5);
    assert!(
        ended.stderr.contains("servers failed (limit: 4)"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.json()["summary"]["failed"], 6);
    // A given limit replaces the brake, and a wave without success does not stop the run then.
    let sim = fleet(40);
    fails(&sim, 10..15);
    let ended = run(&sim, &["--wave", "5", "--max-failures", "5"]).expect(1);
    assert_eq!(ended.json()["summary"]["succeeded"], 35);
}

#[test]
fn a_timed_canary_must_succeed_entirely_and_resume_keeps_the_brake() {
    let sim = fleet(40);
    fails(&sim, [3, 20, 21, 22, 23, 24, 25].into_iter());
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let canary = [
        "--canary",
        "5",
        "--canary-pause",
        "1m",
        "--wave",
        "10",
        "--journal",
        journal,
    ];
    let ended = run(&sim, &canary).expect(5);
    assert!(
        ended.stderr.contains("1 server of the canary failed"),
        "{}",
        ended.stderr
    );
    assert_eq!(sim.accepted(), 5);
    // The resuming user has seen it; the share still counts.
    let resume = ["resume", journal, "--yes", "-o", "json"];
    let ended = Ended::of(&mut sim.command(&resume)).expect(5);
    assert!(
        ended.stderr.contains("servers failed (limit: 4)"),
        "{}",
        ended.stderr
    );
}

/// Without waves a warning says that the limit is ineffective; a run of a single request has no brake.
#[test]
fn an_ineffective_brake_is_warned_of() {
    let sim = fleet(5);
    fails(&sim, 0..5);
    let ended = run(&sim, &["--max-failures", "1"]);
    assert!(
        ended
            .stderr
            .contains("warning: --max-failures 1 can hardly stop anything"),
        "{}",
        ended.stderr
    );
    let sim = fleet(5);
    fails(&sim, 0..5);
    let ended = run(&sim, &[]).expect(1);
    assert_eq!(outcomes(&ended.json()), ["failed"; 5]);
    assert!(
        ended
            .stderr
            .contains("brake     none: all servers are in one wave"),
        "{}",
        ended.stderr
    );
}
