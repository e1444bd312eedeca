//! The question, on a terminal.

#![cfg(unix)]

use std::fs::File;
use std::io::Write as _;
use std::process::Child;

use crate::common::terminal::on_terminal;
use crate::common::{Sim, command, signal};

/// Runs `ecsctl` with stdin and stderr on a terminal, answers the question, and returns the exit code and the
/// terminal's text.
fn asked(sim: &Sim, answer: &[u8]) -> (Option<i32>, String) {
    asked_and(sim, |terminal, _| terminal.write_all(answer).unwrap())
}

/// Answers with something else.
fn asked_and(sim: &Sim, answer: impl Fn(&mut File, &Child)) -> (Option<i32>, String) {
    let arguments = [
        "reboot",
        "--all",
        "--no-wait",
        "--type",
        "hard",
        "--batch-size",
        "2",
    ];
    let given = arguments.map(str::to_owned).into_iter();
    let ended = on_terminal(
        command(given.chain(sim.options())),
        |question, terminal, child| {
            assert_eq!(question, 1, "it asks once");
            assert_eq!(sim.accepted(), 0, "nothing is sent before the answer");
            answer(terminal, child);
        },
    );
    (ended.code, ended.stderr)
}

#[test]
fn yes_continues_the_run() {
    for answer in ["yes\n", " yes \n"] {
        let sim = Sim::start(1, |region| region);
        let (code, shown) = asked(&sim, answer.as_bytes());
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(sim.accepted(), 3);
        for expected in [
            "Restart 3 servers hard, cutting the power?",
            &sim.info().listening,
            sim.info().project_id.as_str(),
            "2 requests of at most 2 servers",
            &sim.id(0),
        ] {
            assert!(
                shown.contains(expected),
                "{expected:?} is missing in {shown}"
            );
        }
        // The progress is shown, and the next text begins on a new line.
        assert!(shown.contains("0/3 done, "), "{shown}");
        assert!(shown.contains("\nhint: "), "{shown:?}");
    }
}

#[test]
fn any_other_answer_sends_nothing() {
    // The last one is the end of the input, as Ctrl-D gives it.
    for answer in ["no\n", "\n", "yess\n", "y\n", "YES\n", "\u{4}"] {
        let sim = Sim::start(1, |region| region);
        let (code, shown) = asked(&sim, answer.as_bytes());
        assert_eq!(code, Some(2), "{answer:?}: {shown}");
        assert!(shown.contains("not confirmed; nothing was sent"), "{shown}");
        assert_eq!(sim.accepted(), 0);
    }
}

#[test]
fn ctrl_c_at_the_question_sends_nothing() {
    let sim = Sim::start(1, |region| region);
    let (code, shown) = asked_and(&sim, |_, child| signal(child, "INT"));
    assert_eq!(code, Some(5), "{shown}");
    assert!(shown.contains("stopped; nothing was sent"), "{shown}");
    assert_eq!(sim.accepted(), 0);
}
