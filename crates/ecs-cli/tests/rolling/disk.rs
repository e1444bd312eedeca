//! Journals that cannot be made, or not be written any more. Nothing here hangs on permissions, which root does not have to
//! ask for.

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
fn a_journal_that_cannot_be_made_stops_it_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let sim = region(4);
    let there = directory.path().join("there.jsonl");
    std::fs::write(&there, "of somebody else").unwrap();
    let there = there.to_str().unwrap();
    let refused = |journal: &str, words: &[&str]| {
        let ended = run(&sim, &[&ROLLING[..], &[journal]].concat());
        assert_eq!(ended.refuses(2, words).stdout, "", "{journal}");
    };
    refused(there, &["the file exists", "hint: ecsctl resume"]);
    assert_eq!(std::fs::read(there).unwrap(), b"of somebody else");
    refused(directory.path().to_str().unwrap(), &["the file exists"]);
    // In places in which nobody can make a file.
    let places: &[&str] = match cfg!(target_os = "linux") {
        true => &[
            "/dev/null/run.jsonl",
            "/nonexistent/run.jsonl",
            "/proc/run.jsonl",
        ],
        false => &["/dev/null/run.jsonl", "/nonexistent/run.jsonl"],
    };
    for place in places {
        refused(place, &[place]);
    }
    assert_eq!(sim.accepted(), 0);
}

/// Runs it where no file can be made longer than so many blocks.
fn limited(sim: &Sim, blocks: usize, arguments: &[&str]) -> Ended {
    let direct = command(sim, arguments);
    let mut shell = Command::new("sh");
    // The signal that comes with it is ignored.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(direct.get_program());
    shell.args(direct.get_args()).env_clear();
    let variables = direct.get_envs();
    let variables = variables.filter_map(|(name, value)| Some((name, value?)));
    // A profile would not fit.
    shell.envs(variables.filter(|(name, _)| *name != "LLVM_PROFILE_FILE"));
    end(shell.stdin(Stdio::null()))
}

#[test]
fn what_cannot_be_written_down_is_not_sent_when_a_run_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let path = journal.to_str().unwrap();
    let sim = region(6);
    let third = sim.info().servers[2];
    sim.with(|region| region.set_failing(&third, true));
    run(&sim, &[&ROLLING[..], &[path]].concat()).expect(5);
    assert_eq!(requests(&sim), waves(&sim, 2)[..2]);
    let before = std::fs::read(&journal).unwrap();

    let resume = ["resume", path, "-o=json"];
    let ended = limited(&sim, 0, &resume).expect(5);
    assert_eq!(counts(&sim, &ended.json()), [3, 1, 0, 2, 0]);
    for words in ["the journal cannot be written", "ecsctl resume "] {
        contains(&ended.stderr, words);
    }
    assert_eq!(sim.accepted(), 4);
    assert_eq!(std::fs::read(&journal).unwrap(), before);

    // With room again.
    let ended = run(&sim, &resume).expect(1);
    assert_eq!(counts(&sim, &ended.json()), [5, 1, 0, 0, 0]);
    assert_eq!((requests(&sim), most_times(&sim)), (waves(&sim, 2), 1));
}

#[test]
fn a_disk_that_fills_up_between_waves() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("run.jsonl");
    let path = journal.to_str().unwrap();
    let sim = region(12);
    let ended = limited(&sim, 12, &[&ROLLING[..], &[path]].concat()).expect(5);
    contains(&ended.stderr, "the journal cannot be written");
    eprintln!(
        "{} {}",
        std::fs::read(&journal).unwrap().len(),
        ended.stderr
    );
    let report = ended.json();
    let accepted = sim.accepted();
    assert!((2..12).contains(&accepted), "{accepted}: {}", ended.stderr);
    assert_eq!(
        counts(&sim, &report),
        [accepted as u64, 0, 0, 12 - accepted as u64, 0]
    );
    assert_eq!(requests(&sim), waves(&sim, 2)[..accepted / 2]);

    let ended = run(&sim, &["resume", path, "-o=json"]);
    let [succeeded, failed, running, not_attempted, unknown] = counts(&sim, &ended.json());
    // If it was the answer that could not be written down, its servers stay unknown, and that stops it once more.
    if unknown > 0 {
        assert_eq!((ended.code, unknown), (Some(5), 2), "{}", ended.stderr);
        assert_eq!((failed, running), (0, 0));
        assert_eq!(succeeded + not_attempted, 10);
        run(&sim, &["resume", path]).expect(3);
    } else {
        assert_eq!((ended.code, succeeded), (Some(0), 12), "{}", ended.stderr);
    }
    assert_eq!((requests(&sim), most_times(&sim)), (waves(&sim, 2), 1));
}
