//! The first wave, and the question after it.

use std::fs::File;
use std::io::Write as _;
use std::process::Child;

use super::*;
use crate::common::signal;
use crate::common::terminal::on_terminal;

const CANARY: [&str; 6] = [
    "reboot",
    "--all",
    "--canary=1",
    "--wave=2",
    "-o=json",
    "--journal",
];

/// Runs five servers; the first question is answered with yes, the second one with this.
fn after_the_canary(sim: &Sim, journal: &str, answer: impl Fn(&mut File, &Child)) -> Ended {
    let command = sim.command(&[&CANARY[..], &[journal]].concat());
    on_terminal(command, |question, terminal, child| match question {
        1 => {
            assert_eq!(sim.accepted(), 0);
            terminal.write_all(b"yes\n").unwrap();
        }
        2 => {
            assert_eq!(sim.accepted(), 1);
            answer(terminal, child);
        }
        _ => panic!("it asks once more"),
    })
}

#[test]
fn yes_continues_after_the_canary() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let sim = region(5);
    let shown = after_the_canary(&sim, journal.to_str().unwrap(), |terminal, _| {
        terminal.write_all(b"yes\n").unwrap();
    });
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    for expected in [
        "a canary of 1 server, then 2 waves of at most 2 servers",
        "Canary finished: 1 succeeded, 0 failed. Continue with the remaining 4 servers?",
    ] {
        contains(&shown.stderr, expected);
    }
    let report = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(counts(&sim, &report), [5, 0, 0, 0, 0]);
    let servers = &sim.info().servers;
    assert_eq!(
        requests(&sim),
        [&servers[..1], &servers[1..3], &servers[3..]]
    );
    never_overlaps(&log(&sim));
}

#[test]
fn no_stops_the_run_and_a_resumed_run_asks_again() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let sim = region(5);
    let no = |terminal: &mut File| terminal.write_all(b"no\n").unwrap();
    let shown = after_the_canary(&sim, journal, |terminal, _| no(terminal));
    assert_eq!(shown.code, Some(5), "{}", shown.stderr);
    contains(&shown.stderr, "Canary finished: 1 succeeded, 0 failed.");
    let reason = "stopped in wave 1 of 3: declined after the canary";
    contains(&shown.stderr, reason);
    let report = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(counts(&sim, &report), [1, 0, 0, 4, 0]);
    assert_eq!(sim.accepted(), 1);

    let resume = ["resume", journal, "-o=json"];
    let shown = on_terminal(sim.command(&resume), |question, terminal, _| {
        assert_eq!(sim.accepted(), 1);
        match question {
            1 => terminal.write_all(b"yes\n").unwrap(),
            2 => no(terminal),
            _ => panic!("it asks once more"),
        }
    });
    assert_eq!(shown.code, Some(5), "{}", shown.stderr);
    contains(&shown.stderr, "declined after the canary");
    // Without a terminal the answer is no.
    run(&sim, &resume).refuses(2, &["no terminal", "nothing was sent", "--yes"]);
    assert_eq!(sim.accepted(), 1);
    let ended = run(&sim, &[&resume[..], &["--yes"]].concat()).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [5, 0, 0, 0, 0]);
    assert_eq!((sim.accepted(), most_times(&sim)), (5, 1));
}

/// A failed canary stops the run without a question; the user who resumes it has seen the failure.
#[test]
fn a_failed_canary_stops_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let sim = region(5);
    let first = sim.info().servers[0];
    sim.with(|region| region.set_failing(&first, true));
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let paused = ["--yes", "--canary-pause=10h", "--journal", journal];
    let ended = run(&sim, &[&CANARY[..5], &paused].concat()).expect(5);
    let reason = "stopped in wave 1 of 3: no server of the canary succeeded";
    contains(&ended.stderr, reason);
    assert_eq!(counts(&sim, &ended.json()), [0, 1, 0, 4, 0]);
    assert_eq!(sim.accepted(), 1);
}

#[test]
fn ctrl_c_at_the_question_stops_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let sim = region(5);
    let shown = after_the_canary(&sim, journal, |_, child| signal(child, "INT"));
    assert_eq!(shown.code, Some(5), "{}", shown.stderr);
    contains(&shown.stderr, "Stopping: no new requests");
    contains(&shown.stderr, "stopped by SIGINT");
    let report = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(counts(&sim, &report), [1, 0, 0, 4, 0]);
    assert_eq!(sim.accepted(), 1);
    let ended = run(&sim, &["resume", journal, "--yes", "-o=json"]).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [5, 0, 0, 0, 0]);
    assert_eq!((sim.accepted(), most_times(&sim)), (5, 1));
}

#[test]
fn a_canary_without_a_terminal_needs_a_pause() {
    let sim = region(5);
    let canary = &CANARY[..5];
    let expected = [
        "--yes is for runs without an operator",
        "hint: add --canary-pause DURATION",
    ];
    run(&sim, &[canary, &["--yes"]].concat()).refuses(2, &expected);
    // Nor can a run without a terminal ask.
    for more in [&[][..], &["--canary-pause=1m"]] {
        run(&sim, &[canary, more].concat()).refuses(2, &["no terminal is available"]);
    }
    assert_eq!(sim.accepted(), 0);

    let paused = ["--yes", "--canary-pause=1m"];
    let ended = run(&sim, &[canary, &paused].concat()).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [5, 0, 0, 0, 0]);
    let servers = &sim.info().servers;
    assert_eq!(
        requests(&sim),
        [&servers[..1], &servers[1..3], &servers[3..]]
    );
    let [canary, next, last] = &log(&sim)[..] else {
        panic!("three waves");
    };
    let minute = Duration::from_secs(60);
    assert!(next.at - canary.at >= JOB + minute, "{canary:?} {next:?}");
    assert!(last.at - next.at >= JOB, "{next:?} {last:?}");
    assert_eq!(ended.stderr.matches("pausing ").count(), 1);
}
