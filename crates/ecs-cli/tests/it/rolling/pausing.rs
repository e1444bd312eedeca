//! The time between two waves.

use std::io::{BufReader, Read as _};
use std::time::Instant;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn waves_are_separated_by_the_pause() {
    let sim = region(6);
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--wave=2",
        "--pause=1m",
        "-o=json",
    ];
    let ended = run(&sim, &arguments).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [6, 0, 0, 0, 0]);
    assert_eq!(requests(&sim), waves(&sim, 2));
    for pair in log(&sim).windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= JOB + MINUTE, "{gap:?}");
    }
    for expected in ["before wave 2\n", "before wave 3\n"] {
        contains(&ended.stderr, expected);
    }
    assert!(!ended.stderr.contains("before wave 4"), "{}", ended.stderr);
}

#[test]
fn ctrl_c_ends_a_pause_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let sim = region(6);
    // Ten minutes for this process.
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--wave=2",
        "--pause=10h",
        // By the clock of the process that resumes, the default limit is over at once.
        "--stalled-after=never",
        "-o=json",
    ];
    let mut run = spawn(&sim, &[&arguments[..], &["--journal", journal]].concat());
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    Running::until(&mut stderr, "pausing ");
    let begin = Instant::now();
    run.signal("INT");
    let mut stdout = String::new();
    let mut out = run.0.stdout.take().unwrap();
    out.read_to_string(&mut stdout).unwrap();
    assert_eq!(run.wait().code(), Some(5));
    assert!(begin.elapsed() < 5 * MINUTE, "{:?}", begin.elapsed());
    let report = serde_json::from_str(&stdout).unwrap();
    assert_eq!(counts(&sim, &report), [2, 0, 0, 4, 0]);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    contains(&rest, "Stopping: no new requests");
    contains(&rest, "\nstopped by SIGINT\n");
    contains(&rest, "with the 4 servers that were not attempted");
    assert_eq!(requests(&sim), waves(&sim, 2)[..1]);

    // Ten hours are half a second for this one.
    let mut resume = sim.command(&["resume", journal, "--yes", "-o=json"]);
    let ended = Ended::of(resume.env("ECSCTL_SIM_SPEED", "72000")).expect(0);
    assert_eq!(counts(&sim, &ended.json()), [6, 0, 0, 0, 0]);
    assert_eq!((requests(&sim), most_times(&sim)), (waves(&sim, 2), 1));
    never_overlaps(&log(&sim));
}
