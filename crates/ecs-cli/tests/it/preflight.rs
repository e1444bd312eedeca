//! The reads before a run: whole lists, stopped servers, this machine, groups of auto-scaling, and the place.

mod surroundings;
mod target;

use std::time::{Duration, Instant};

use crate::common::{self, Ended, Sim, ecsctl, options, outcomes, with_stdin};
use ecs_sim::{ListQuirk, RegionBuilder, ScalingGroup};

const LIST: &str = "ecs:cloudServers:list";
const GET: &str = "ecs:cloudServers:get";

/// A region whose jobs take next to no time.
fn sim(settings: impl FnOnce(RegionBuilder) -> RegionBuilder) -> Sim {
    Sim::start(40, settings)
}

/// Runs a command with `--yes -o json` against a region, whose Auto Scaling service and metadata service are at its address.
fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    let url = &sim.info().listening;
    let mut command = common::command(
        arguments
            .iter()
            .map(ToString::to_string)
            .chain(["--yes", "-o", "json", "--as-endpoint", url].map(str::to_owned))
            .chain(sim.options()),
    );
    let output = command
        .env("ECSCTL_METADATA_ENDPOINT", url)
        .env("ECSCTL_SIM_SPEED", "40")
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn says(ended: &Ended, expected: &[&str]) {
    for word in expected {
        assert!(
            ended.stderr.contains(word),
            "{word:?} is missing in: {}",
            ended.stderr
        );
    }
}

/// Returns the number of servers of each accepted request, in their order.
fn requests(sim: &Sim) -> Vec<usize> {
    sim.with(|region| {
        let entries = region.accepted().entries();
        entries.iter().map(|entry| entry.servers.len()).collect()
    })
}

#[test]
fn all_reads_the_whole_list_or_sends_nothing() {
    for (quirks, servers) in [
        (&[][..], 450),
        (&[ListQuirk::IgnoresMarker], 450),
        (&[ListQuirk::IgnoresMarker, ListQuirk::CapsPages(90)], 450),
        (&[ListQuirk::IgnoresMarker, ListQuirk::Shrinks(2)], 448),
    ] {
        let add = |region: RegionBuilder| {
            let region = region.servers(450);
            quirks
                .iter()
                .fold(region, |region, quirk| region.list_quirk(*quirk))
        };
        let sim = sim(add);
        let ended = run(&sim, &["start", "--all", "--dry-run"]).expect(0);
        assert_eq!(ended.json()["servers"], servers, "{quirks:?}");
    }
    let sim = sim(|region| region.servers(450).list_quirk(ListQuirk::IgnoresPages));
    let ended = run(&sim, &["reboot", "--all"]).refuses(
        1,
        &[
            "cannot list the servers",
            "the list of servers is not whole: the service repeats pages: 200 of 450 were found (tried 3 times)",
        ],
    );
    assert_eq!((sim.accepted(), ended.stdout.as_str()), (0, ""));
}

#[test]
fn all_skips_stopped_servers() {
    let parked = || sim(|region| region.servers(10).shutoff(0.6).seed(3));
    let count = |sim: &Sim| {
        let listed = run(sim, &["reboot", "--all", "--dry-run"]).expect(0).json();
        listed["skipped"].as_array().unwrap().len()
    };
    let region = parked();
    let stopped = count(&region);
    assert!((2..10).contains(&stopped), "{stopped}");
    for kind in ["soft", "hard"] {
        let sim = parked();
        let ended = run(&sim, &["reboot", "--all", "--type", kind]).expect(0);
        let report = ended.json();
        assert_eq!(report["summary"]["requested"], 10 - stopped);
        assert_eq!(report["skipped"][0]["reason"], "stopped");
        assert!(report["skipped"][0]["name"].is_string());
        says(
            &ended,
            &[
                &format!("{stopped} servers are stopped (SHUTOFF) and skipped"),
                "--include-stopped",
            ],
        );
        assert_eq!(sim.accepted(), 10 - stopped);
    }
    // With `--include-stopped`, a hard restart starts them, and a message says it.
    let ended = run(
        &region,
        &["reboot", "--all", "--type", "hard", "--include-stopped"],
    )
    .expect(0);
    assert_eq!(ended.json()["summary"]["succeeded"], 10);
    assert!(ended.json().get("skipped").is_none());
    says(
        &ended,
        &["warning: ", "a hard restart starts a stopped server"],
    );
    // Starting and stopping take all.
    let ended = run(&parked(), &["start", "--all"]).expect(0);
    assert_eq!(ended.json()["summary"]["requested"], 10);
}

#[test]
fn a_fleet_of_stopped_servers_is_an_error() {
    let sim = sim(|region| region.shutoff(1.0));
    let expected = [
        "no server to reboot: 3 servers skipped",
        "--include-stopped",
    ];
    run(&sim, &["reboot", "--all"]).refuses(2, &expected);
}

#[test]
fn named_servers_are_read_before_the_run() {
    for denied in [None, Some(GET), Some(LIST)] {
        let sim = sim(|region| {
            let region = region.shutoff(1.0);
            match denied {
                Some(denied) => region.deny(denied),
                None => region,
            }
        });
        let id = sim.id(1);
        let ended = run(&sim, &["reboot", "--type", "hard", &id]).expect(0);
        says(
            &ended,
            &[
                "1 server is stopped (SHUTOFF), and a hard restart starts a stopped server: ",
                &id,
            ],
        );
        assert_eq!(sim.accepted(), 1);
    }
    // Without the permission to read, a message says it, and nothing else changes.
    let sim = sim(|region| region.deny(GET).deny(LIST));
    let ended = run(&sim, &["reboot", &sim.id(0)]).expect(0);
    says(
        &ended,
        &["the states of the servers were not checked", LIST],
    );
    let quiet = run(&sim, &["reboot", "--no-preflight", &sim.id(1)]).expect(0);
    assert!(!quiet.stderr.contains("states"), "{}", quiet.stderr);
}

#[test]
fn missing_servers_are_named_before_anything_is_sent() {
    const NOBODY: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let sim = sim(|region| region);
    let given = ["reboot", &sim.id(0), NOBODY];
    let absent = format!("not found in the project: {NOBODY}");
    let refused = run(&sim, &given).expect(2);
    let not_ready = "1 server is not ready; nothing was sent";
    says(&refused, &[not_ready, &absent, "--skip-unready"]);
    let rehearsed = run(&sim, &[&given[..], &["--dry-run"]].concat()).expect(0);
    let warned = "1 server is not ready: without --dry-run this run is refused";
    says(&rehearsed, &[warned, &absent, "--skip-unready"]);
    assert!(requests(&sim).is_empty());
    let skipping = [&given[..], &["--skip-unready"]].concat();
    let planned = run(&sim, &[&skipping[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(planned.json()["unready"][0]["why"]["reason"], "absent");
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let ended = run(&sim, &[&skipping[..], &["--journal", journal]].concat()).expect(1);
    says(&ended, &[&absent]);
    for report in [
        ended.json(),
        run(&sim, &["resume", journal]).expect(1).json(),
    ] {
        assert_eq!(outcomes(&report), ["succeeded", "not_attempted"]);
        let reason = report["servers"][1]["error"]["message"].as_str().unwrap();
        assert_eq!(
            reason,
            "skipped, because it was not ready: not found in the project"
        );
        assert_eq!(report["summary"]["requested"], 2);
    }
    assert!(!ended.stderr.contains("ecsctl resume"), "{}", ended.stderr);
    assert_eq!(requests(&sim), [1]);
}

/// One of a few selected servers is restarting.
#[test]
fn busy_servers_are_refused_or_skipped() {
    let sim = Sim::start(1, |region| region.servers(4));
    run(&sim, &["reboot", "--no-wait", &sim.id(0)]).expect(0);
    for chosen in [&[sim.id(0), sim.id(1)][..], &["--all".to_owned()]] {
        let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
        let refused = run(&sim, &[&["reboot"], &chosen[..]].concat()).expect(2);
        says(&refused, &["1 server is not ready", "busy (", &sim.id(0)]);
    }
    let rest = run(&sim, &["reboot", "--all", "--skip-unready", "--no-wait"]).expect(1);
    let report = rest.json();
    assert_eq!(report["summary"]["running"], 3);
    assert_eq!(report["summary"]["not_attempted"], 1);
}

/// A run whose options list servers later checks that permission before anything is sent.
#[test]
fn a_permission_that_an_option_needs_is_checked_first() {
    let sim = sim(|region| region.deny(LIST));
    for option in [
        &["--verify"][..],
        &["--reconcile"],
        &["--escalate", "hard-after", "5m"],
    ] {
        let refused = run(&sim, &[&["reboot", &sim.id(0)], option].concat()).expect(4);
        says(&refused, &[option[0], LIST, "nothing was sent"]);
    }
    assert!(requests(&sim).is_empty());
}

/// A dry run shows the duration of a run and the reasons to stop it; it checks the journal's name and creates no
/// journal.
#[test]
fn a_dry_run_shows_the_duration_of_a_run() {
    let sim = sim(|region| region.servers(30));
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let arguments = [
        "reboot",
        "--all",
        "--dry-run",
        "--wave",
        "10",
        "--pause",
        "1m",
        "--max-failures",
        "2",
        "--deadline",
        "2m",
        "--journal",
        journal.to_str().unwrap(),
    ];
    let planned = run(&sim, &arguments).expect(0).json();
    assert_eq!(planned["duration"]["from_s"], 165);
    assert_eq!(planned["duration"]["to_s"], 225);
    let stops = planned["duration"]["stops"].as_array().unwrap();
    assert_eq!(stops[0], "when more than 2 servers have failed");
    assert!(stops[1].as_str().unwrap().contains("wave 3 of 3"));
    let shown = ecsctl(&arguments, &sim.options()).expect(0).stdout;
    assert!(shown.contains("takes     about 3–4 min\n"), "{shown}");
    // The default brake stops, too.
    let waves = ["reboot", "--all", "--dry-run", "--wave", "10"];
    let planned = run(&sim, &waves).expect(0).json();
    assert_eq!(
        planned["duration"]["stops"],
        serde_json::json!([
            "when more than 3 servers have failed",
            "after a wave without a success"
        ])
    );
    assert!(!journal.exists());
}

/// The remaining servers of a run are checked like those of a new run.
#[test]
fn a_resumed_run_checks_groups_and_this_machine() {
    for own in [None, Some(2)] {
        let sim = sim(|region| {
            let region = region
                .servers(4)
                .scaling_group(ScalingGroup::new("web", 3..4));
            match own {
                None => region,
                Some(own) => region.own_server(own),
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("run.jsonl");
        let journal = journal.to_str().unwrap();
        let ids: Vec<String> = (0..4).map(|index| sim.id(index)).collect();
        let mut first = vec!["reboot", "--wave", "2", "--health-cmd", "false"];
        first.extend(["--allow-autoscaling-members", "--no-preflight"]);
        first.extend(["--journal", journal]);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        first.extend(&ids);
        // Without the address of the metadata service: as if another machine had begun it.
        ecsctl(&[&first[..], &["--yes"]].concat(), &sim.options()).expect(5);
        let again = ["resume", journal, "--health-cmd", "true"];
        let refused = run(&sim, &again).expect(2);
        let consents = [&again[..], &["--allow-autoscaling-members"]].concat();
        match own {
            None => {
                says(&refused, &["1 server is a member of an auto-scaling group"]);
                run(&sim, &consents).expect(0);
            }
            Some(_) => {
                says(&refused, &["ecsctl runs on", "resume from another machine"]);
                run(&sim, &consents).expect(2);
            }
        }
        let sent = if own.is_none() { 2 } else { 1 };
        assert_eq!(requests(&sim).len(), sent);
    }
}

#[test]
fn a_skipped_check_is_reported() {
    for region in [
        |region: RegionBuilder| region.without_scaling(),
        |region: RegionBuilder| region.deny("as:groups:list"),
    ] {
        let sim = sim(region);
        let ended = run(&sim, &["reboot", &sim.id(0)]).expect(0);
        says(
            &ended,
            &["membership in auto-scaling groups was not checked: "],
        );
    }
    // The address of an unknown cloud is not guessed.
    let sim = sim(|region| region);
    let ended = ecsctl(
        &["reboot", "--yes", &sim.id(0), "--no-wait"],
        &sim.options(),
    )
    .expect(0);
    says(
        &ended,
        &[
            "was not checked: the address of the Auto Scaling service is not known here",
            "--as-endpoint",
        ],
    );
}

#[test]
fn a_server_that_is_named_twice_is_acted_on_once() {
    let sim = sim(|region| region);
    let ids = format!("{}\n{}\n", sim.id(0), sim.id(1));
    let arguments = [
        "start",
        "--yes",
        "--no-wait",
        "-o",
        "json",
        "--from-file",
        "-",
    ];
    let again = sim.id(0).to_uppercase();
    let ended = with_stdin(&[&arguments[..], &[&again]].concat(), &sim.options(), &ids).expect(0);
    assert_eq!(ended.json()["summary"]["requested"], 2);
    says(
        &ended,
        &["3 servers were given, 1 of them again; each counts once"],
    );
    assert_eq!(sim.accepted(), 2);
}
