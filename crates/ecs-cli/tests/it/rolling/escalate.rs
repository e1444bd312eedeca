//! A hard restart after a soft one that failed.

use std::collections::BTreeSet;

use super::*;
use ecs_ops::model::RebootType;
use ecs_sim::Action;

const SOFT: Action = Action::Reboot(RebootType::Soft);
const HARD: Action = Action::Reboot(RebootType::Hard);
const ROLLING: [&str; 7] = [
    "reboot",
    "--all",
    "--yes",
    "--wave=4",
    "--max-failures=none",
    "-o=json",
    "--verify",
];

/// A region in which a third of the restarts fails at first; the result depends on the seed and the number of actions
/// on the server.
fn unsteady() -> Sim {
    region_with(12, |region| region.seed(3).failing(0.34))
}

#[test]
fn only_failed_servers_are_restarted_hard_and_only_once() {
    let sim = unsteady();
    let ended = run(&sim, &ROLLING).expect(1);
    let report = ended.json();
    let bad: BTreeSet<_> = with_outcome(&report, "failed")
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert!((2..10).contains(&bad.len()), "{bad:?}");
    assert!(log(&sim).iter().all(|value| value.action == SOFT));

    // A second run, in another region.
    let sim = unsteady();
    // This server never comes back.
    let lost = sim
        .info()
        .servers
        .iter()
        .rev()
        .find(|id| bad.contains(&id.to_string()));
    let lost = *lost.unwrap();
    sim.with(|region| region.set_failing(&lost, true));
    let arguments = [&ROLLING[..6], &["--escalate", "hard-after", "5m"]].concat();
    let ended = run(&sim, &arguments);
    let log = log(&sim);
    let of = |action: Action| {
        let entries = log.iter().filter(move |value| value.action == action);
        entries
            .flat_map(|value| &value.servers)
            .map(ToString::to_string)
    };
    assert_eq!(of(SOFT).collect::<Vec<_>>(), sim.ids());
    let mut hard: Vec<_> = of(HARD).collect();
    hard.sort();
    assert_eq!(hard, bad.iter().cloned().collect::<Vec<_>>(), "each once");
    // Within its wave: the next one comes when these have ended.
    let waves = waves(&sim, 4);
    let mut wave: Option<usize> = None;
    for entry in &log {
        let of = waves
            .iter()
            .position(|wave| wave.contains(&entry.servers[0]));
        if entry.action == SOFT {
            assert_eq!(of, Some(wave.map_or(0, |wave| wave + 1)), "{log:?}")
        } else {
            assert_eq!(of, wave, "{log:?}")
        }
        wave = of;
    }
    never_overlaps(&log);

    let report = ended.json();
    for server in report["servers"].as_array().unwrap() {
        let id = server["id"].as_str().unwrap();
        let note = server["note"].as_str().unwrap_or_default();
        let expected = "restarted hard because the soft restart failed: ";
        assert_eq!(note.starts_with(expected), bad.contains(id), "{server}");
        if id == lost.to_string() {
            assert_eq!(server["outcome"], "failed");
        }
        if !bad.contains(id) {
            assert_eq!(server["outcome"], "succeeded", "{server}");
        }
    }
    let failed = with_outcome(&report, "failed");
    assert!(failed.len() < bad.len(), "no hard restart mended anything");
    assert!(failed.contains(&lost.to_string().as_str()));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    contains(&ended.stderr, ": the soft restart failed\n");
}

/// A server has not failed if its hard restart succeeded, and has failed once otherwise.
#[test]
fn only_servers_whose_hard_restart_fails_count_as_failed() {
    let sim = region(6);
    let [first, second] = [0, 1].map(|index| sim.info().servers[index]);
    for id in [first, second] {
        sim.with(|region| region.set_failing(&id, true));
    }
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--wave=2",
        "-o=json",
        "--max-failures=1",
        "--no-journal",
    ];
    let arguments = [&arguments[..], &["--escalate", "hard-after", "5m"]].concat();
    let ended = run(&sim, &arguments).expect(5);
    contains(
        &ended.stderr,
        "stopped in wave 1 of 3: 2 servers failed (limit: 1)",
    );
    assert_eq!(counts(&sim, &ended.json()), [0, 2, 0, 4, 0]);
    let actions: Vec<_> = log(&sim).iter().map(|value| value.action).collect();
    assert_eq!(actions, [SOFT, HARD]);
    assert_eq!(requests(&sim)[1], [first, second]);
    contains(&output(&ended), " --escalate hard-after 5m ");
}
