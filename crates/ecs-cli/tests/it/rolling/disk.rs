//! Journals that cannot be created or written. No test depends on permissions, which root bypasses.

use super::*;

const ROLLING: [&str; 7] = [
    "reboot",
    "--all",
    "--yes",
    "--wave=2",
    "--max-failures=0",
    "-o=json",
    "--journal",
];

#[test]
fn an_unwritable_journal_stops_the_run_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let sim = region(4);
    let there = directory.path().join("there.jsonl");
    std::fs::write(&there, "of somebody else").unwrap();
    let there = there.to_str().unwrap();
    let refused = |journal: &str, expected: &[&str]| {
        let ended = run(&sim, &[&ROLLING[..], &[journal]].concat());
        assert_eq!(ended.refuses(2, expected).stdout, "", "{journal}");
    };
    refused(
        there,
        &[
            "the file exists",
            "a new run needs a new file",
            "  ecsctl resume ",
        ],
    );
    assert_eq!(std::fs::read(there).unwrap(), b"of somebody else");
    refused(directory.path().to_str().unwrap(), &["the file exists"]);
    // Paths at which no file can be created: below a file, in a missing directory.
    let below_a_file = format!("{there}/run.jsonl");
    let missing = directory.path().join("missing/run.jsonl");
    let mut places = vec![below_a_file.as_str(), missing.to_str().unwrap()];
    if cfg!(target_os = "linux") {
        places.push("/proc/run.jsonl");
    }
    for place in places {
        refused(place, &[place]);
    }
    assert_eq!(sim.accepted(), 0);
}

/// Runs `ecsctl` with a limit of the file size in blocks.
fn limited(sim: &Sim, blocks: usize, arguments: &[&str]) -> Ended {
    let direct = sim.command(arguments);
    let mut shell = Command::new("sh");
    // The signal that comes with it, SIGXFSZ, must not end the process.
    let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(direct.get_program());
    shell.args(direct.get_args()).env_clear();
    let variables = direct.get_envs();
    let variables = variables.filter_map(|(name, value)| Some((name, value?)));
    // A profile would not fit.
    shell.envs(variables.filter(|(name, _)| *name != "LLVM_PROFILE_FILE"));
    Ended::of(shell.stdin(Stdio::null()))
}

/// A disk without room for the plan: the error says so, and no file is left that would block the next try.
#[test]
fn a_full_disk_stops_the_run_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let path = journal.to_str().unwrap();
    let sim = region(4);
    let arguments = [&ROLLING[..], &[path]].concat();
    for blocks in [0, 1] {
        let expected = ["the journal cannot be written", "hint: nothing was sent"];
        limited(&sim, blocks, &arguments).refuses(2, &expected);
        assert!(!journal.exists());
    }
    assert_eq!(sim.accepted(), 0);
    run(&sim, &arguments).expect(0);
}

/// The shell's size of a block.
const BLOCK: usize = 512;

#[test]
fn a_resumed_run_sends_nothing_that_cannot_be_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let path = journal.to_str().unwrap();
    let sim = region(12);
    let third = sim.info().servers[2];
    sim.with(|region| region.set_failing(&third, true));
    run(&sim, &[&ROLLING[..], &[path]].concat()).expect(5);
    assert_eq!(requests(&sim), waves(&sim, 2)[..2]);
    let before = std::fs::read(&journal).unwrap();

    let resume = ["resume", path, "--yes", "-o=json"];
    let ended = limited(&sim, 0, &resume).expect(5);
    contains(&ended.stderr, "stopped: the journal cannot be written");
    assert_eq!(counts(&sim, &ended.json()), [3, 1, 0, 8, 0]);
    assert_eq!(sim.accepted(), 4);
    assert_eq!(std::fs::read(&journal).unwrap(), before);

    // Each time there is a little more room, until there is enough. Each try records its process and its end: what it
    // adds grows, so that no try is cut off where the last one was for ever.
    let mut stopped = 0;
    for round in 0_usize.. {
        assert!(round < 60, "it never has enough room");
        let blocks = before.len() / BLOCK + 3 * round + round * round / 4;
        let ended = limited(&sim, blocks, &resume);
        assert_eq!(most_times(&sim), 1, "{}", ended.stderr);
        let report = ended.json();
        let [succeeded, failed, ..] = counts(&sim, &report);
        assert_eq!((succeeded >= 3, failed), (true, 1), "{report}");
        // The rest was certainly never sent. Unknown servers are not counted either way.
        let left = with_outcome(&report, "not_attempted");
        for (outcome, times) in [("not_attempted", 0), ("succeeded", 1)] {
            for id in with_outcome(&report, outcome) {
                let id = id.parse().unwrap();
                let accepted = sim.with(|region| region.accepted().times(&id));
                assert_eq!(accepted, times, "{id}: {report}");
            }
        }
        if left.is_empty() && !ended.stderr.contains("cannot be written") {
            break;
        }
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        stopped += usize::from(
            ended
                .stderr
                .contains("stopped: the journal cannot be written"),
        );
    }
    assert!(stopped > 0);
}

#[test]
fn a_full_disk_between_waves_stops_the_run() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for blocks in [8, 9, 10, 11, 12] {
            let journal = directory.path().join(format!("{blocks}.jsonl"));
            scope.spawn(move || fills_up(blocks, journal.to_str().unwrap()));
        }
    });
}

fn fills_up(blocks: usize, journal: &str) {
    let sim = region(12);
    let ended = limited(&sim, blocks, &[&ROLLING[..], &[journal]].concat()).expect(5);
    contains(&ended.stderr, "the journal cannot be written");
    let accepted = sim.accepted();
    assert!((2..12).contains(&accepted), "{accepted}: {}", ended.stderr);
    let (done, left) = (accepted as u64, 12 - accepted as u64);
    assert_eq!(counts(&sim, &ended.json()), [done, 0, 0, left, 0]);
    assert_eq!(requests(&sim), waves(&sim, 2)[..accepted / 2]);

    let ended = run(&sim, &["resume", journal, "--yes", "-o=json"]);
    let [succeeded, failed, running, not_attempted, unknown] = counts(&sim, &ended.json());
    assert_eq!((failed, running), (0, 0), "{}", ended.stderr);
    if unknown == 0 {
        assert_eq!((ended.code, succeeded), (Some(0), 12), "{}", ended.stderr);
        assert_eq!(requests(&sim), waves(&sim, 2));
    } else {
        // Half of a request was recorded: its servers stay unknown, which stops the run again.
        assert_eq!((ended.code, unknown), (Some(5), 2), "{}", ended.stderr);
        contains(&ended.stderr, "2 servers failed (limit: 0)");
        assert_eq!(succeeded + not_attempted, 10);
        let ended = run(&sim, &["resume", journal, "--yes", "-o=json"]).expect(3);
        assert_eq!(counts(&sim, &ended.json()), [10, 0, 0, 0, 2]);
    }
    assert_eq!(most_times(&sim), 1);
}

/// A plan whose journal has no room was not applied: neither its journal nor its marker blocks the next try.
#[test]
fn a_plan_whose_journal_has_no_room_can_be_applied_later() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("all.plan").display().to_string();
    let sim = Sim::start(3600, |region| region.servers(100).seed(5));
    let planning = ["plan", "stop", "--all", "--out", &plan];
    Ended::of(&mut sim.command(&planning)).expect(0);
    let apply = ["apply", &plan, "--yes"];
    // The marker fits into a block.
    limited(&sim, 1, &apply).refuses(2, &["File too large", "nothing was sent"]);
    assert_eq!(sim.accepted(), 0);
    Ended::of(&mut sim.command(&apply)).expect(0);
    assert_eq!(sim.accepted(), 100);
}
