//! The limit of failures, and resumption after it.

use std::path::Path;

use ecs_sim::{Action, ActionKind};

use super::*;
use ecs_ops::model::{RebootType, StopType};

/// A hundred servers in ten waves: one fails in the first, two in the second, with a limit of two.
const FLEET: usize = 100;
const FAILING: [usize; 3] = [3, 12, 14];
const ROLLING: [&str; 9] = [
    "reboot",
    "--all",
    "--yes",
    "--wave",
    "10%",
    "--max-failures",
    "2%",
    "-o",
    "json",
];

fn failing_fleet() -> Sim {
    let sim = region(FLEET);
    for index in FAILING {
        let id = sim.info().servers[index];
        assert!(sim.with(|region| region.set_failing(&id, true)));
    }
    sim
}

/// Asserts the output of a run that stopped after two of ten waves.
#[track_caller]
fn stopped_in_time(sim: &Sim, ended: &Ended) {
    let report = ended.json();
    assert_eq!(counts(sim, &report), [17, 3, 0, 80, 0]);
    let failed: Vec<String> = FAILING.map(|index| sim.id(index)).to_vec();
    assert_eq!(with_outcome(&report, "failed"), failed);
    assert_eq!(with_outcome(&report, "not_attempted"), sim.ids()[20..]);
    assert_eq!(requests(sim), waves(sim, 10)[..2]);
    never_overlaps(&log(sim));
    assert_eq!(report["jobs"].as_array().unwrap().len(), 2);
    for server in &report["servers"].as_array().unwrap()[20..] {
        let message = server["error"]["message"].as_str().unwrap();
        assert_eq!(message, "not sent: 3 servers failed (limit: 2)");
    }
    for wording in [
        "\nstopped in wave 2 of 10: 3 servers failed (limit: 2)\n",
        "100 servers: 17 succeeded, 3 failed, 80 not attempted",
        "wave 2 of 10: 10 servers\n",
    ] {
        contains(&ended.stderr, wording);
    }
    assert!(!ended.stderr.contains("wave 3"), "{}", ended.stderr);
    let token = sim.options().pop().unwrap();
    assert!(!ended.stderr.contains(&token), "{}", ended.stderr);
}

/// Returns the files of a folder with their contents.
fn files(directory: &Path) -> Vec<(std::path::PathBuf, String)> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

#[test]
fn too_many_failures_stop_the_run_and_the_printed_command_continues_it() {
    let temp = tempfile::tempdir().unwrap();
    let sim = failing_fleet();
    let without = [&ROLLING[..], &["--no-journal"]].concat();
    let ended = Ended::of(sim.command(&without).current_dir(temp.path())).expect(5);
    stopped_in_time(&sim, &ended);
    contains(
        &ended.stderr,
        "hint: to continue with the 80 servers that were not attempted (add --token as before):",
    );
    let line = output(&ended);
    contains(&line, " --wave 10% --max-failures 2% ");
    let found = files(temp.path());
    let [(path, text)] = found.as_slice() else {
        panic!("{found:?}");
    };
    contains(&line, &format!(" --from-file {} ", path.display()));
    let left: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(left, sim.ids()[20..]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let ended = typed(&sim, &line, temp.path()).expect(0);
    let report = ended.json();
    assert_eq!(ids(&report), sim.ids()[20..]);
    assert_eq!(report["summary"]["succeeded"], 80);
    // In waves of a tenth of what was left.
    assert_eq!(
        requests(&sim)[2..],
        sim.info().servers[20..].chunks(8).collect::<Vec<_>>()
    );
    never_overlaps(&log(&sim));
    assert_eq!((sim.accepted(), most_times(&sim)), (FLEET, 1));
    assert!(!ended.stderr.contains("to continue"), "{}", ended.stderr);
}

#[test]
fn the_printed_resume_command_continues_the_run() {
    let temp = tempfile::tempdir().unwrap();
    // A name that a shell would split.
    let journal = temp.path().join("it's the run.jsonl");
    let sim = failing_fleet();
    let with_journal = [&ROLLING[..], &["--journal", journal.to_str().unwrap()]].concat();
    let ended = Ended::of(sim.command(&with_journal).env("TMPDIR", temp.path())).expect(5);
    stopped_in_time(&sim, &ended);
    let line = output(&ended);
    contains(&line, "ecsctl resume '");
    assert_eq!(files(temp.path()).len(), 1, "no file beside the journal");

    let ended = typed(&sim, &line, temp.path()).expect(1);
    let report = ended.json();
    assert_eq!(counts(&sim, &report), [97, 3, 0, 0, 0]);
    assert_eq!(requests(&sim), waves(&sim, 10));
    never_overlaps(&log(&sim));
    assert_eq!((sim.accepted(), most_times(&sim)), (FLEET, 1));
    assert!(!ended.stderr.contains("to continue"), "{}", ended.stderr);
}

#[test]
fn few_remaining_servers_are_named_in_the_command() {
    let temp = tempfile::tempdir().unwrap();
    let sim = region(5);
    let first = sim.info().servers[0];
    sim.with(|region| region.set_failing(&first, true));
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--type",
        "hard",
        "--wave=2",
        "--max-failures=0",
        "--no-journal",
    ];
    let ended = Ended::of(sim.command(&arguments).current_dir(temp.path())).expect(5);
    contains(&ended.stderr, "stopped in wave 1 of 3: ");
    let line = output(&ended);
    let left = sim.ids()[2..].join(" ");
    contains(
        &line,
        &format!("ecsctl reboot {left} --type hard --wave 2 "),
    );
    assert!(files(temp.path()).is_empty());
    typed(&sim, &line, temp.path()).expect(0);
    assert_eq!((sim.accepted(), most_times(&sim)), (5, 1));
    let hard = Action::Reboot(RebootType::Hard);
    assert!(log(&sim).iter().all(|value| value.action == hard));
}

/// The run continues to its end with as many failures as the limit allows.
#[test]
fn failures_up_to_the_limit_do_not_stop_the_run() {
    let sim = failing_fleet();
    let three = ROLLING.map(|word| if word == "2%" { "3%" } else { word });
    let ended = run(&sim, &three).expect(1);
    assert_eq!(counts(&sim, &ended.json()), [97, 3, 0, 0, 0]);
    assert_eq!(requests(&sim), waves(&sim, 10));
    assert!(!ended.stderr.contains("stopped"), "{}", ended.stderr);
}

#[test]
fn start_and_stop_run_in_waves_too() {
    let sim = region(5);
    let run = |verb, action: Action, before: usize| {
        let arguments = [verb, "--all", "--yes", "--wave", "2", "-o", "json"];
        let ended = run(&sim, &arguments).expect(0);
        assert_eq!(counts(&sim, &ended.json()), [5, 0, 0, 0, 0]);
        let log = log(&sim).split_off(before);
        assert!(log.iter().all(|value| value.action == action), "{log:?}");
        let servers: Vec<_> = log.iter().map(|value| value.servers.clone()).collect();
        assert_eq!(servers, waves(&sim, 2));
        never_overlaps(&log);
    };
    run("stop", Action::Stop(StopType::Soft), 0);
    run("start", Action::Start, 3);
    // A failure stops them as it stops a restart.
    let third = sim.info().servers[2];
    sim.with(|region| region.set_failing(&third, true));
    let arguments = [
        "stop",
        "--all",
        "--yes",
        "--wave=2",
        "--max-failures=0",
        "--no-journal",
        "-o=json",
    ];
    let ended = super::run(&sim, &arguments).expect(5);
    assert_eq!(counts(&sim, &ended.json()), [3, 1, 0, 1, 0]);
    contains(
        &output(&ended),
        &format!("ecsctl stop {} --wave 2 ", sim.id(4)),
    );
    let kinds = log(&sim).into_iter().map(|value| value.action.kind());
    let [stop, start] = [ActionKind::Stop, ActionKind::Start];
    let expected = [stop, stop, stop, start, start, start, stop, stop];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}
