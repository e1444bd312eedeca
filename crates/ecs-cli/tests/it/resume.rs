//! Runs that are killed and resumed, as processes, on real sockets, with a real file.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Ended, Running, Sim, ecsctl, wait_until};
use secrecy::ExposeSecret as _;
use serde_json::Value;

fn reboot(journal: &str) -> Vec<&str> {
    vec![
        "reboot",
        "--all",
        "--yes",
        "--batch-size",
        "4",
        "--journal",
        journal,
    ]
}

fn resume(journal: &str, sim: &Sim) -> Ended {
    Ended::of(&mut sim.command(&["resume", journal, "--yes", "-o", "json"]))
}

/// Returns how often the most accepted server was accepted.
fn most_times(sim: &Sim) -> u32 {
    sim.with(|region| region.accepted().most_times())
}

fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let servers = report["servers"].as_array().unwrap().iter();
    servers
        .map(|server| {
            (
                server["id"].as_str().unwrap(),
                server["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

/// Kills a run once its journal has this many bytes, or at its end, and resumes it until nothing is left to do.
fn killed_after(bytes: u64, seed: u64, directory: &Path) {
    let sim = Sim::start(60, |region| region.servers(24).seed(seed));
    let path = directory.join(format!("{seed}.jsonl"));
    let journal = path.to_str().unwrap();
    let mut run = Running::of(&mut sim.command(&reboot(journal)));
    let length = || std::fs::metadata(&path).map_or(0, |file| file.len());
    wait_until("the journal has grown, or the run has ended", || {
        length() >= bytes || run.0.try_wait().unwrap().is_some()
    });
    run.0.kill().unwrap();
    run.wait();
    let case = format!("seed {seed}, after {bytes} bytes");
    if length() == 0 {
        assert_eq!(
            sim.accepted(),
            0,
            "{case}: something was sent before there was a journal"
        );
        return;
    }
    let ended = resume(journal, &sim);
    if ended.code == Some(2) {
        assert!(
            ended.stderr.contains("sent nothing"),
            "{case}: {}",
            ended.stderr
        );
        assert_eq!(sim.accepted(), 0, "{case}");
        return;
    }
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let outcomes = outcomes(&report);
    assert_eq!(outcomes.len(), 24, "{case}");
    assert!(
        most_times(&sim) <= 1,
        "{case}: a server was restarted twice: {}",
        ended.stderr
    );
    for (id, outcome) in &outcomes {
        let id = id.parse().unwrap();
        let times = sim.with(|region| region.accepted().times(&id));
        match *outcome {
            "succeeded" => assert_eq!(times, 1, "{case} {id}"),
            "unknown" => {}
            other => panic!("{case}: {id} is {other}: {}", ended.stderr),
        }
    }
    let unknown = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == "unknown")
        .count();
    assert!(unknown <= 16, "{case}: at most four requests are underway");
    let expected = if unknown > 0 { 3 } else { 0 };
    assert_eq!(ended.code, Some(expected), "{case}: {}", ended.stderr);
}

/// At a hundred places from a seed, ten at a time.
#[test]
fn a_run_killed_at_a_hundred_points_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    // The journal size of a whole run; some runs have ended when they are killed.
    let sim = Sim::start(60, |region| region.servers(24));
    let whole = directory.path().join("whole.jsonl");
    Ended::of(&mut sim.command(&reboot(whole.to_str().unwrap()))).expect(0);
    let length = std::fs::metadata(whole).unwrap().len();
    std::thread::scope(|scope| {
        for thread in 0..10_u64 {
            let directory = directory.path();
            scope.spawn(move || {
                for turn in 0..10_u64 {
                    let seed = thread * 10 + turn;
                    let place = seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
                    killed_after(place % length, seed, directory);
                }
            });
        }
    });
}

/// A journal in use is refused; a finished one needs no further action.
#[test]
fn a_run_is_resumed_by_one_process_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = path.to_str().unwrap();
    let sim = Sim::start(30, |region| region.servers(8));
    let mut run = Running::of(&mut sim.command(&reboot(journal)));
    wait_until("a request is accepted", || sim.accepted() > 0);
    run.signal("STOP");
    let other = resume(journal, &sim).expect(2);
    assert!(other.stderr.contains("another process"), "{}", other.stderr);
    run.signal("CONT");
    assert!(run.wait().success());
    let again = ecsctl(&reboot(journal), &sim.options()).expect(2);
    assert!(again.stderr.contains("the file exists"), "{}", again.stderr);
    for _ in 0..2 {
        let ended = resume(journal, &sim).expect(0);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(report["summary"]["succeeded"], 8);
    }
    assert_eq!((sim.accepted(), most_times(&sim)), (8, 1));
    let text = std::fs::read_to_string(&path).unwrap();
    let token = sim.options().pop().unwrap();
    assert!(!text.contains(&token), "a secret is in the journal");
    // Each line is a JSON document.
    for line in text.lines() {
        let _: Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn unusable_journals_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = path.to_str().unwrap();
    let sim = Sim::start(30, |region| region.servers(8));
    ecsctl(
        &[&reboot(journal)[..], &["--no-wait"]].concat(),
        &sim.options(),
    )
    .expect(0);
    let accepted = sim.accepted();
    // Of another service, and of another project.
    let elsewhere = ["--endpoint", "http://127.0.0.1:9", "--token", "t"].map(str::to_owned);
    let refused = ecsctl(&["resume", journal, "--yes"], &elsewhere).expect(2);
    assert!(
        refused.stderr.contains("the journal belongs to project"),
        "{}",
        refused.stderr
    );
    let mut other = sim.options();
    let project = other
        .iter()
        .position(|option| option == "--project-id")
        .unwrap();
    other[project + 1] = "another".to_owned();
    let refused = ecsctl(&["resume", journal, "--yes"], &other).expect(2);
    assert!(
        refused.stderr.contains("the journal belongs to project"),
        "{}",
        refused.stderr
    );
    // A line in the middle was changed.
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace("\"batch\":", "\"batch\":1");
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let refused = resume(journal, &sim).expect(2);
    assert!(refused.stderr.contains("line 3"), "{}", refused.stderr);
    // An incomplete end is removed, with a message.
    std::fs::write(&path, format!("{text}{{\"v\":1,\"se")).unwrap();
    let ended = resume(journal, &sim).expect(0);
    assert!(ended.stderr.contains("was removed"), "{}", ended.stderr);
    for path in ["/nonexistent/run.jsonl", "/"] {
        ecsctl(&["resume", path, "--yes"], &sim.options()).expect(2);
        ecsctl(&reboot(path), &sim.options()).expect(2);
    }
    assert_eq!((sim.accepted(), most_times(&sim)), (accepted, 1));
}

/// A disk that is full in the middle of a run: nothing more is sent, everything is reported, and it can be resumed.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_resumably() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = path.to_str().unwrap();
    let sim = Sim::start(30, |region| region.servers(40));
    // In blocks of 1,024 bytes: room for the plan and some requests. The signal that comes with it is ignored.
    let script = format!(
        "trap '' XFSZ; ulimit -f 7; exec {} {} \"$@\"",
        env!("CARGO_BIN_EXE_ecsctl"),
        reboot(journal).join(" ")
    );
    let output = Command::new("bash")
        .args(["-c", &script, "bash", "-o", "json"])
        .args(sim.options())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stderr}"));
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("the journal cannot be written"), "{stderr}");
    let (accepted, summary) = (sim.accepted(), &report["summary"]);
    assert!((4..40).contains(&accepted), "{accepted} {stderr}");
    assert_eq!(summary["succeeded"], accepted, "{summary}");
    assert_eq!(summary["not_attempted"], 40 - accepted, "{summary}");
    // With room again the run is resumed. Requests in flight when the disk filled up stay unknown.
    let ended = resume(journal, &sim);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(most_times(&sim), 1, "{}", ended.stderr);
    for (id, outcome) in outcomes(&report) {
        let parsed = id.parse().unwrap();
        let times = sim.with(|region| region.accepted().times(&parsed));
        match outcome {
            "succeeded" => assert_eq!(times, 1, "{id}"),
            // The journal does not show whether an announced request was sent before the stop.
            "unknown" => {}
            other => panic!("{id} is {other}: {}", ended.stderr),
        }
    }
}

/// The journal's place takes precedence over variables, which are named.
#[test]
fn variables_of_another_place_than_the_journals_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = path.to_str().unwrap();
    let sim = Sim::start(60, |region| region);
    let stopped = ["--wave", "1", "--health-cmd", "exit 1"];
    Ended::of(&mut sim.command(&[&reboot(journal)[..], &stopped].concat())).expect(5);
    for command in ["resume", "rerun"] {
        let token = sim.info().token.expose_secret().to_owned();
        let mut command = crate::common::command([command, journal, "--dry-run", "--yes"]);
        command.env("ECSCTL_SIM_SPEED", "60").env("OS_TOKEN", token);
        command.env("OS_PROJECT_ID", "another");
        command.env("ECSCTL_ENDPOINT", "http://127.0.0.1:9");
        let ended = Ended::of(&mut command).expect(0);
        for warning in [
            "warning: ECSCTL_ENDPOINT (http://127.0.0.1:9) is not used: the journal names http://127.0.0.1:",
            "warning: OS_PROJECT_ID (another) is not used: the journal names project ",
        ] {
            assert!(ended.stderr.contains(warning), "{}", ended.stderr);
        }
    }
}
