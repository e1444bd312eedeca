//! Rolling runs that are killed, and resumed until nothing is left.

use std::io::{BufRead as _, BufReader};

use super::*;
use crate::common::wait_until;

const SERVERS: usize = 12;
const WAVE: usize = 3;
const PAUSE: Duration = Duration::from_secs(6);

/// Waves of two requests, a slow check, and a tenth of a second between them.
fn rolling(journal: &str) -> Vec<&str> {
    vec![
        "reboot",
        "--all",
        "--yes",
        "--wave=3",
        "--batch-size=2",
        "--pause=6s",
        "--health-cmd=cat >/dev/null; sleep 0.05",
        "--max-failures=none",
        "--journal",
        journal,
    ]
}

/// The message at this point, after which the process writes a little more to its journal.
const PLACES: [&str; 10] = [
    "",
    "listing the servers",
    "wave 1 of 4",
    "request 2 of 8 accepted",
    "checking health after wave 1",
    "pausing ",
    "wave 2 of 4",
    "checking health after wave 2",
    "before wave 3",
    "checking health after wave 4",
];

fn length(journal: &Path) -> u64 {
    std::fs::metadata(journal).map_or(0, |file| file.len())
}

/// Kills the process once its journal has grown by this many bytes since the message, or when it has ended.
fn kill_at(mut run: Running, message: &str, journal: &Path, bytes: u64) {
    let mut stderr = BufReader::new(run.0.stderr.take().unwrap());
    let mut before = length(journal);
    let mut line = String::new();
    while !message.is_empty() && !line.contains(message) {
        line.clear();
        if stderr.read_line(&mut line).unwrap() == 0 {
            break;
        }
        before = length(journal);
    }
    wait_until("the journal has grown, or the run has ended", || {
        length(journal) >= before + bytes || run.0.try_wait().unwrap().is_some()
    });
    run.0.kill().unwrap();
    run.wait();
}

fn killed(seed: u64, directory: &Path) {
    let sim = region_with(SERVERS, |region| region.seed(seed));
    let path = directory.join(format!("{seed}.jsonl"));
    let journal = path.to_str().unwrap();
    // Even numbers die once, odd ones twice.
    let random = seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
    let place = PLACES[usize::try_from(seed).unwrap() / 2 % PLACES.len()];
    let bytes = random % 600;
    kill_at(spawn(&sim, &rolling(journal)), place, &path, bytes);
    let case = format!("seed {seed}, {bytes} bytes after {place:?}");
    if !path.exists() || std::fs::read(&path).unwrap().is_empty() {
        assert_eq!(sim.accepted(), 0, "{case}: sent before there was a journal");
        return;
    }
    let resume = ["resume", journal, "--yes", "-o=json"];
    if seed % 2 == 1 {
        kill_at(spawn(&sim, &resume), "", &path, random / 600 % 2400);
    }
    let mut report = Value::Null;
    for _ in 0..3 {
        let ended = run(&sim, &resume);
        if ended.code == Some(2) {
            contains(&ended.stderr, "sent nothing");
            assert_eq!(sim.accepted(), 0, "{case}");
            return;
        }
        report = ended.json();
        let unknown = &report["summary"]["unknown"];
        let expected = if *unknown == 0 { 0 } else { 3 };
        assert_eq!(ended.code, Some(expected), "{case}: {}", ended.stderr);
    }
    assert_eq!(most_times(&sim), 1, "{case}");
    let [succeeded, _, _, _, unknown] = counts(&sim, &report);
    assert_eq!(succeeded + unknown, SERVERS as u64, "{case}: {report}");
    // Each kill can leave at most one wave unknown.
    let deaths = 1 + seed % 2;
    assert!(unknown <= deaths * WAVE as u64, "{case}: {report}");
    for id in with_outcome(&report, "succeeded") {
        let id = id.parse().unwrap();
        let times = sim.with(|region| region.accepted().times(&id));
        assert_eq!(times, 1, "{case}: {id}");
    }
    in_waves(&sim, &with_outcome(&report, "unknown"), &case);
}

/// Asserts the order as the service saw it: one wave after the other, each a pause after the end of the one before.
/// Unknown requests cannot be waited for.
#[track_caller]
fn in_waves(sim: &Sim, unknown: &[&str], case: &str) {
    let waves = waves(sim, WAVE);
    let wave_of = |id: &ServerId| waves.iter().position(|wave| wave.contains(id)).unwrap();
    let log = log(sim);
    for pair in log.windows(2) {
        let [before, after] = [0, 1].map(|index| {
            let servers = pair[index].servers.iter();
            let mut of: Vec<_> = servers.map(wave_of).collect();
            of.dedup();
            assert_eq!(of.len(), 1, "{case}: two waves in a request: {log:?}");
            of[0]
        });
        assert!(before <= after, "{case}: {log:?}");
        let known = |id: &ServerId| !unknown.contains(&id.to_string().as_str());
        if before < after && pair[0].servers.iter().all(known) {
            let gap = pair[1].at - pair[0].at;
            assert!(gap >= JOB + PAUSE, "{case}: {gap:?} in {log:?}");
        }
    }
}

/// Twice at each place, five at a time.
#[test]
fn a_run_killed_in_waves_checks_and_pauses_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..5_u64 {
            let directory = directory.path();
            scope.spawn(move || {
                for turn in 0..4_u64 {
                    killed(turn * 5 + thread, directory);
                }
            });
        }
    });
}
