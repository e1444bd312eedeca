//! The health check after each wave: its input and its exit status.

use std::io::{BufRead as _, BufReader, Read as _};

use super::*;
use crate::common::wait_until;

/// Restarts all, two at a time, with this check after each wave.
fn checked<'a>(check: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--wave=2",
        "-o=json",
        "--health-cmd",
        check,
    ];
    [&arguments, more].concat()
}

/// Returns the input of a check that records it, followed by `end`.
fn seen(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The servers of these waves, one a line, each wave with an end.
fn ends(sim: &Sim, waves: &[usize]) -> Vec<String> {
    let ids = sim.ids();
    let chunks: Vec<_> = ids.chunks(2).collect();
    let lines = waves
        .iter()
        .map(|wave| [chunks[*wave], &["end".to_owned()]].concat());
    lines.flatten().collect()
}

#[test]
fn each_wave_is_passed_on_stdin_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("seen");
    let sim = region(5);
    let check = format!(
        "{{ cat; echo end; }} >> '{}'; echo plain words; echo serious words >&2",
        file.display()
    );
    let ended = run(&sim, &checked(&check, &[])).expect(0);
    assert_eq!(seen(&file), ends(&sim, &[0, 1, 2]));
    // Its output is not part of the report.
    assert_eq!(counts(&sim, &ended.json()), [5, 0, 0, 0, 0]);
    for expected in ["plain words", "serious words"] {
        let line = format!("health check: {expected}\n");
        assert_eq!(ended.stderr.matches(&line).count(), 3, "{}", ended.stderr);
    }
    assert_eq!(requests(&sim), waves(&sim, 2));
    never_overlaps(&log(&sim));
    // Nor is it with a line for each event.
    let sim = region(2);
    let mut arguments = checked(&check, &["--quiet"]);
    arguments[4] = "-o=jsonl";
    let ended = run(&sim, &arguments).expect(0);
    let names: Vec<_> = ended
        .lines()
        .iter()
        .map(|value| value["event"].clone())
        .collect();
    let checked = names
        .iter()
        .position(|value| value == "health_checked")
        .unwrap();
    assert_eq!(names[checked - 1], "checking_health");
    assert_eq!(ended.stderr, "health check: serious words\n");
}

#[test]
fn a_failed_check_stops_the_run_and_is_repeated_by_resume() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (file, mended, journal) = (path("seen"), path("mended"), path("run.jsonl"));
    let sim = region(6);
    let check = format!(
        "{{ cat; echo end; }} >> '{file}'; test $(grep -c end '{file}') -ne 2 || test -e '{mended}' \
         || {{ echo first words >&2; echo 'web is down' >&2; exit 3; }}"
    );
    let with_journal = checked(&check, &["--journal", &journal]);
    let ended = run(&sim, &with_journal).expect(5);
    let reason = "the health check after wave 2 failed: exit status 3: web is down";
    contains(
        &ended.stderr,
        &format!("\nstopped in wave 2 of 3: {reason}\n"),
    );
    let report = ended.json();
    assert_eq!(counts(&sim, &report), [4, 0, 0, 2, 0]);
    let message = &report["servers"][5]["error"]["message"];
    assert_eq!(message, &format!("not sent: {reason}"));
    assert_eq!(requests(&sim), waves(&sim, 2)[..2]);
    assert_eq!(seen(Path::new(&file)), ends(&sim, &[0, 1]));

    std::fs::write(&mended, "").unwrap();
    let ended = typed(&sim, &output(&ended), directory.path()).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [6, 0, 0, 0, 0]);
    assert_eq!(seen(Path::new(&file)), ends(&sim, &[0, 1, 1, 2]));
    assert_eq!(requests(&sim), waves(&sim, 2));
    assert_eq!(most_times(&sim), 1);
}

/// Only the health check is left.
#[test]
fn a_failed_last_check_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (mended, journal) = (path("mended"), path("run.jsonl"));
    let sim = region(2);
    let check = format!("test -e '{mended}'");
    let ended = run(&sim, &checked(&check, &["--journal", &journal])).expect(5);
    let line = output(&ended);
    std::fs::write(&mended, "").unwrap();
    let ended = typed(&sim, &line, directory.path()).expect(0);
    contains(&ended.stderr, "\nhealth check passed after wave 1\n");
    assert!(!ended.stderr.contains("to continue"), "{}", ended.stderr);
    assert_eq!(sim.accepted(), 2);
}

/// Another check replaces it, also in the printed command.
#[test]
fn a_resumed_run_can_have_another_check() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (file, journal) = (path("seen"), path("run.jsonl"));
    let sim = region(4);
    run(&sim, &checked("exit 1", &["--journal", &journal])).expect(5);
    let other = format!("{{ cat; echo end; }} >> '{file}'; exit 7");
    let resume = [
        "resume",
        &journal,
        "--yes",
        "--health-cmd",
        &other,
        "-o=json",
    ];
    let ended = run(&sim, &resume).expect(5);
    let reason = "the health check after wave 1 failed: exit status 7\n";
    contains(&ended.stderr, reason);
    assert_eq!(seen(Path::new(&file)), ends(&sim, &[0]));
    let ended = typed(&sim, &output(&ended), directory.path()).expect(5);
    contains(&ended.stderr, reason);
    assert_eq!(counts(&sim, &ended.json()), [2, 0, 0, 2, 0]);
    assert_eq!(seen(Path::new(&file)), ends(&sim, &[0, 0]));
}

/// Waits until there is no such process; a zombie counts as gone.
#[track_caller]
fn is_gone(id: &str) {
    let alive = || match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => !stat[stat.rfind(')').unwrap()..].starts_with(") Z"),
        Err(_) if Path::new("/proc/self/stat").exists() => false,
        Err(_) => Command::new("kill")
            .args(["-0", id])
            .status()
            .unwrap()
            .success(),
    };
    wait_until(&format!("process {id} is gone"), || !alive());
}

#[test]
fn a_slow_check_is_killed_with_its_child_processes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let sim = region(4);
    let check = format!("sleep 600 & echo $! > '{}'; wait", file.display());
    let ended = run(&sim, &checked(&check, &["--health-timeout", "4s"])).expect(5);
    let reason = "the health check after wave 1 failed: it did not finish within 4s";
    contains(
        &ended.stderr,
        &format!("\nstopped in wave 1 of 2: {reason}\n"),
    );
    is_gone(std::fs::read_to_string(&file).unwrap().trim());
    assert_eq!(counts(&sim, &ended.json()), [2, 0, 0, 2, 0]);
    assert_eq!(requests(&sim), waves(&sim, 2)[..1]);
}

/// A check that writes more than a pipe buffers while stderr is not read: its time limit still applies.
#[test]
fn a_check_with_a_blocked_stderr_ends_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let sim = region(4);
    let more = [
        "--journal",
        journal.to_str().unwrap(),
        "--health-timeout=1s",
    ];
    let mut run = spawn(&sim, &checked("yes >&2", &more));
    let ended = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"ended\""));
    wait_until("the journal has the end of the run", ended);
    // Now stderr is read.
    let mut stderr = String::new();
    let mut err = run.0.stderr.take().unwrap();
    err.read_to_string(&mut stderr).unwrap();
    assert_eq!(run.wait().code(), Some(5));
    contains(&stderr, "failed: it did not finish within 1s");
    assert_eq!(stderr.matches(" lines were not shown: ").count(), 1);
}

#[test]
fn ctrl_c_ends_the_check_and_the_run_at_once() {
    stopped_in_a_check("INT");
}

/// No process of the check is left.
#[test]
fn a_closed_terminal_ends_the_check_and_the_run_at_once() {
    stopped_in_a_check("HUP");
}

fn stopped_in_a_check(signal: &str) {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let sim = region(4);
    let more = ["--journal", journal.to_str().unwrap()];
    let mut run = spawn(&sim, &checked("sleep 600 & echo $!; wait", &more));
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    let id = loop {
        let mut line = String::new();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0);
        if let Some(id) = line.strip_prefix("health check: ") {
            break id.trim().to_owned();
        }
    };
    run.signal(signal);
    let mut stdout = String::new();
    let mut out = run.0.stdout.take().unwrap();
    out.read_to_string(&mut stdout).unwrap();
    assert_eq!(run.wait().code(), Some(5));
    is_gone(&id);
    let report = serde_json::from_str(&stdout).unwrap();
    assert_eq!(counts(&sim, &report), [2, 0, 0, 2, 0]);
    assert_eq!(sim.accepted(), 2);
    // The check had not finished, so it is repeated.
    let resume = ["resume", more[1], "--yes", "--health-cmd=true", "-o=jsonl"];
    let ended = super::run(&sim, &resume).expect(0);
    let checks = ended.lines().into_iter();
    let checks: Vec<_> = checks
        .filter(|value| value["event"] == "health_checked")
        .map(|value| value["wave"].clone())
        .collect();
    assert_eq!(checks, [1, 2]);
    assert_eq!((requests(&sim), most_times(&sim)), (waves(&sim, 2), 1));
}

/// More ids than a pipe holds.
#[test]
fn a_check_need_not_read_its_stdin() {
    for check in ["true", "sleep 0.2", "exec <&-; sleep 0.2"] {
        let sim = region_with(2000, |region| region.quota(2000));
        let more = ["--servers-per-minute=2000", "--batch-size=1000"];
        let mut arguments = checked(check, &more);
        arguments[3] = "--wave=100%";
        let ended = run(&sim, &arguments).expect(0);
        assert_eq!(ended.json()["summary"]["succeeded"], 2000, "{check}");
    }
}

#[test]
fn a_missing_check_fails() {
    let sim = region(4);
    // Only the shell can resolve these commands.
    let ended = run(&sim, &checked("CHECK=/nonexistent/check; $CHECK", &[])).expect(5);
    contains(&ended.stderr, "failed: exit status 127: ");
    contains(&ended.stderr, "/nonexistent/check");
    assert_eq!(counts(&sim, &ended.json()), [2, 0, 0, 2, 0]);
    // There is no shell either.
    let sim = region(4);
    let ended = Ended::of(
        sim.command(&checked("true", &[]))
            .env("PATH", "/nonexistent"),
    )
    .expect(5);
    contains(&ended.stderr, "failed: it could not be started: ");
    assert_eq!(counts(&sim, &ended.json()), [2, 0, 0, 2, 0]);
}

/// A resumed run uses the time limit of the check from the journal.
#[test]
fn the_journal_has_the_time_limit_of_the_check() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let sim = region(4);
    let more = ["--health-timeout=1s", "--journal", journal];
    run(&sim, &checked("exit 1", &more)).expect(5);
    let resume = ["resume", journal, "--yes", "--health-cmd=sleep 100"];
    let ended = run(&sim, &resume).expect(5);
    contains(&ended.stderr, "it did not finish within 1s");
    contains(&ended.stderr, "ecsctl resume");
    let ended = run(&sim, &[&resume[..], &["--health-timeout=2s"]].concat()).expect(5);
    contains(&ended.stderr, "it did not finish within 2s");
    contains(&ended.stderr, "--health-timeout 2s");
    assert_eq!(sim.accepted(), 2);
}
