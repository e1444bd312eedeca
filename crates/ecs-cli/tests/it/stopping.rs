//! Runs that end early, with a complete report and exit code 5.

#![cfg(unix)]

use std::io::{BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Running, Sim, command, ecsctl, outcomes, wait_until};
use serde_json::Value;

/// The first server now, the others after the minute of the quota.
const SLOWLY: [&str; 8] = [
    "reboot",
    "--all",
    "--yes",
    "-o",
    "json",
    "--servers-per-minute",
    "1",
    "--batch-size=1",
];

#[test]
fn a_run_stops_at_its_deadline() {
    let sim = Sim::start(1, |region| region);
    let more = [
        sim.options(),
        vec!["--deadline".to_owned(), "5s".to_owned()],
    ]
    .concat();
    let ended = ecsctl(&SLOWLY, &more).expect(5);
    assert_eq!(
        outcomes(&ended.json()),
        ["running", "not_attempted", "not_attempted"]
    );
    assert!(
        ended.stderr.contains("the deadline passed"),
        "{}",
        ended.stderr
    );
    assert_eq!(sim.accepted(), 1);
}

/// Starts a run, sends the signals once the first server is accepted, and returns its report.
fn interrupted(sim: &Sim, signals: &[&str]) -> Value {
    let mut run = Running::spawn(SLOWLY.map(str::to_owned).into_iter().chain(sim.options()));
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "request 1 of 3 accepted");
    for signal in signals {
        run.signal(signal);
        Running::until(
            &mut stderr,
            if *signal == signals[0] {
                "Stopping: "
            } else {
                "quitting: "
            },
        );
    }
    let mut stdout = String::new();
    run.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert_eq!(run.wait().code(), Some(5));
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn ctrl_c_stops_sending_and_waits_for_accepted_requests() {
    let sim = Sim::start(100, |region| region);
    let report = interrupted(&sim, &["INT"]);
    assert_eq!(
        outcomes(&report),
        ["succeeded", "not_attempted", "not_attempted"]
    );
    assert_eq!(sim.accepted(), 1);
}

/// The journal has the stop before its process is killed; `resume` continues with the rest and says so.
#[test]
fn a_stop_outlives_the_process_and_resume_continues() {
    let while_it_works = Duration::from_secs(3);
    let sim = Sim::start(1, |region| {
        region.durations(while_it_works..=while_it_works)
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = path.to_str().unwrap().to_owned();
    let options = [sim.options(), vec!["--journal".to_owned(), journal.clone()]].concat();
    let mut run = Running::spawn(SLOWLY.map(str::to_owned).into_iter().chain(options));
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "request 1 of 3 accepted");
    run.signal("INT");
    let is_recorded = || {
        let text = std::fs::read_to_string(&path).unwrap();
        text.contains(r#""kind":"stopping","reason":"SIGINT""#)
    };
    wait_until("the stop is recorded", is_recorded);
    run.signal("KILL");
    run.wait();
    let more = [sim.options(), vec!["-o".to_owned(), "json".to_owned()]].concat();
    // The journal has the limit of the first process, one a minute: the rest need not wait for it.
    let resume = ["resume", &journal, "--yes", "--servers-per-minute", "1000"];
    let ended = ecsctl(&resume, &more).expect(0);
    assert_eq!(outcomes(&ended.json()), ["succeeded"; 3]);
    let reported = "the run was stopped (SIGINT)";
    assert!(ended.stderr.contains(reported), "{}", ended.stderr);
}

#[test]
fn ctrl_c_at_the_end_is_no_success() {
    let sim = Sim::start(100, |region| region);
    let arguments = ["reboot", &sim.id(0), "--yes"].map(str::to_owned);
    let mut run = Running::spawn(arguments.into_iter().chain(sim.options()));
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "request 1 of 1 accepted");
    run.signal("INT");
    Running::until(&mut stderr, "Stopping: ");
    // Never with 0, with which a loop of a shell would continue.
    assert_eq!(run.wait().code(), Some(5));
}

#[test]
fn ctrl_c_twice_ends_at_once() {
    let sim = Sim::start(1, |region| region);
    let report = interrupted(&sim, &["INT", "TERM"]);
    assert_eq!(
        outcomes(&report),
        ["running", "not_attempted", "not_attempted"]
    );
    assert_eq!(report["summary"]["requested"], 3);
    assert_eq!(sim.accepted(), 1);
}

/// The output of `yes` fills the pipe, which is not read: not even the message about the first signal can be written.
#[test]
fn a_second_signal_ends_the_run_with_a_blocked_stderr() {
    let hour = Duration::from_secs(3600);
    let sim = Sim::start(1, |region| region.durations(hour..=hour));
    let (reader, writer) = std::io::pipe().unwrap();
    let filler = Command::new("yes")
        .stdout(writer.try_clone().unwrap())
        .spawn();
    let _filler = Running(filler.unwrap());
    let arguments = ["reboot", "--all", "--yes", "--quiet", "-o", "json"];
    let arguments = arguments
        .map(str::to_owned)
        .into_iter()
        .chain(sim.options());
    let child = command(arguments)
        .stdout(Stdio::piped())
        .stderr(writer)
        .spawn();
    let mut run = Running(child.unwrap());
    wait_until("a request is accepted", || sim.accepted() > 0);
    // Two signals at once may be merged.
    wait_until("it ends", || {
        run.signal("TERM");
        run.0.try_wait().unwrap().is_some()
    });
    assert_eq!(run.wait().code(), Some(5));
    let mut stdout = String::new();
    run.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    let report = serde_json::from_str(&stdout).unwrap();
    assert_eq!(outcomes(&report), ["running"; 3]);
    drop(reader);
}

/// The kernel and the shell each send one when a terminal is closed.
#[test]
fn a_closed_terminal_counts_as_one_signal() {
    let sim = Sim::start(1, |region| {
        region.durations(Duration::from_secs(3)..=Duration::from_secs(3))
    });
    let mut run = Running::spawn(SLOWLY.map(str::to_owned).into_iter().chain(sim.options()));
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "request 1 of 3 accepted");
    run.signal("HUP");
    Running::until(&mut stderr, "Stopping: ");
    run.signal("HUP");
    run.signal("HUP");
    let mut stdout = String::new();
    let mut out = run.0.stdout.take().unwrap();
    out.read_to_string(&mut stdout).unwrap();
    assert_eq!(run.wait().code(), Some(5));
    // The run waited for the accepted requests.
    let report = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        outcomes(&report),
        ["succeeded", "not_attempted", "not_attempted"]
    );
}

/// Closing the terminal stops the run, as Ctrl-C does.
#[test]
fn a_closed_terminal_stops_the_run_unless_hangups_are_ignored() {
    let sim = Sim::start(100, |region| region);
    let report = interrupted(&sim, &["HUP"]);
    assert_eq!(
        outcomes(&report),
        ["succeeded", "not_attempted", "not_attempted"]
    );
    if !cfg!(target_os = "linux") {
        return;
    }
    // SIGHUP is ignored, as under nohup.
    let sim = Sim::start(10, |region| region);
    let mut child = Command::new("sh");
    child.args([
        "-c",
        "trap '' HUP; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_ecsctl"),
    ]);
    child
        .args(["reboot", "--all", "--yes", "-o", "json"])
        .args(sim.options());
    let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut run = Running(child.unwrap());
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "request 1 of 1 accepted");
    run.signal("HUP");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(run.wait().code(), Some(0), "{rest}");
    assert!(!rest.contains("Stopping"), "{rest}");
}

#[test]
fn the_simulator_ends_cleanly_on_a_signal() {
    for signal in ["INT", "TERM"] {
        let (mut sim, info) = Running::sim(&["--servers", "2", "--seed", "9"]);
        assert_eq!(info["servers"].as_array().unwrap().len(), 2);
        sim.signal(signal);
        assert_eq!(sim.wait().code(), Some(0));
    }
}

/// A resumed run keeps the rate limit of the run, unless a new one is given.
#[test]
fn resuming_keeps_the_limit_of_servers_per_minute() {
    let sim = Sim::start(1, |region| region);
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let more = |expected: &[&str]| {
        let expected = expected.iter().map(|word| (*word).to_owned());
        expected.chain(sim.options()).collect::<Vec<_>>()
    };
    ecsctl(&SLOWLY, &more(&["--journal", journal, "--deadline", "4s"])).expect(5);
    assert_eq!(sim.accepted(), 1);
    let resume = ["resume", journal, "--yes", "--deadline", "4s"];
    ecsctl(&resume, &more(&[])).expect(5);
    assert_eq!(sim.accepted(), 1);
    ecsctl(&resume, &more(&["--servers-per-minute", "1000"])).expect(5);
    assert_eq!(sim.accepted(), 3);
}

/// bash continues its loop after a command that handled Ctrl-C, whatever its exit code; only an end by the signal
/// ends the loop.
#[test]
fn ctrl_c_on_a_terminal_ends_the_loop_of_the_shell_too() {
    use std::io::Write as _;

    let while_it_works = Duration::from_secs(3);
    let sim = Sim::start(1, |region| {
        region.servers(2).durations(while_it_works..=while_it_works)
    });
    let script = "for id in $IDS; do \"$ECSCTL\" reboot $id --yes --no-preflight $OPTIONS; echo \"loop: $?\"; done";
    let (mut terminal, slave) = crate::common::terminal::pair();
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "--wait", "bash", "-c", script]);
    shell.env("ECSCTL", env!("CARGO_BIN_EXE_ecsctl"));
    shell
        .env("IDS", sim.ids().join(" "))
        .env("OPTIONS", sim.options().join(" "));
    shell
        .env("XDG_STATE_HOME", crate::common::state())
        .env("TERM", "dumb");
    shell
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap());
    let Ok(child) = shell.stderr(slave).spawn() else {
        eprintln!("left out: there is no setsid on this machine");
        return;
    };
    drop(shell);
    let mut run = Running(child);
    wait_until("the first one is accepted", || sim.accepted() == 1);
    terminal.write_all(b"\x03").unwrap();
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    // Linux ends reading with an error once the other side is closed.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
    }
    let shown = String::from_utf8_lossy(&shown).into_owned();
    run.wait();
    assert!(shown.contains("Stopping: "), "{shown}");
    // With its report.
    assert!(shown.contains("1 server: 1 succeeded"), "{shown}");
    assert!(!shown.contains("loop: "), "{shown}");
    assert_eq!(sim.accepted(), 1, "{shown}");
}
