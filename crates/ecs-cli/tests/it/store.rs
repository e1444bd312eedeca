//! Runs that share a store in a real PostgreSQL server or in a file, as processes: killed, stopped, fenced. Without
//! an installed PostgreSQL its tests are skipped with a message.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecs_test_support::postgres::Postgres;

use serde_json::Value;

use crate::common::{Ended, Running, Sim, command, ecsctl, outcomes, wait_until};

/// A database with the tables, on a server for all tests.
pub(super) fn store() -> Option<String> {
    server_with_store().map(|(_, store)| store)
}

/// The same, with the server.
pub(super) fn server_with_store() -> Option<(&'static Postgres, String)> {
    if cfg!(not(feature = "postgres")) {
        return None;
    }
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let started = || Postgres::start(None).map(|started| started.expect("PostgreSQL starts"));
    let server = SERVER.get_or_init(started).as_ref()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Some((server, new_store(server, number)))
}

/// A store of each kind.
pub(crate) fn stores() -> Vec<String> {
    let mut stores = Vec::from_iter(store());
    if cfg!(feature = "sqlite") {
        let folder = tempfile::tempdir().unwrap().keep();
        let store = format!("sqlite:{}", folder.join("fleet.db").display());
        ecsctl(&["store", "init", "--store", &store], &[""; 0]).expect(0);
        stores.push(store);
    }
    stores
}

pub(crate) fn new_store(server: &Postgres, number: usize) -> String {
    let name = format!("cli{number}");
    server.create_database(&name).unwrap();
    let store = server.address("owner", &name);
    ecsctl(&["store", "init", "--store", &store], &[""; 0]).expect(0);
    store
}

/// A restart of all servers, four in a request.
pub(crate) fn reboot<'a>(store: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let expected = [
        "reboot",
        "--all",
        "--yes",
        "--batch-size",
        "4",
        "--store",
        store,
        "-o",
        "json",
    ];
    [&expected, more].concat()
}

fn most_times(sim: &Sim) -> u32 {
    sim.with(|region| region.accepted().most_times())
}

/// The ids of the runs, the latest first.
fn runs(store: &str) -> Vec<(String, String)> {
    let list = ecsctl(&["run", "list", "--store", store, "-o", "json"], &[""; 0])
        .expect(0)
        .json();
    let runs = list["runs"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.map(|run| (text(&run["run_id"]), text(&run["state"])))
        .collect()
}

#[test]
fn a_run_keeps_its_journal_in_the_store() {
    for store in stores() {
        keeps_its_journal(&store);
    }
}

fn keeps_its_journal(store: &str) {
    let sim = Sim::start(60, |region| region.servers(8));
    let report = Ended::of(&mut sim.command(&reboot(store, &[])))
        .expect(0)
        .json();
    let run_id = report["run_id"].as_str().unwrap();
    assert_eq!(runs(store), [(run_id.to_owned(), "ended".to_owned())]);
    let shown = ecsctl(
        &["run", "show", run_id, "--store", store, "-o", "json"],
        &[""; 0],
    )
    .expect(0)
    .json();
    assert_eq!(shown["summary"]["succeeded"], 8);
    // The environment names it as well.
    let mut show = command(["run", "show", run_id]);
    assert!(
        Ended::of(show.env("ECSCTL_STORE", store))
            .expect(0)
            .stdout
            .contains(run_id)
    );
    let check = ecsctl(
        &["store", "check", "--store", store, "-o", "json"],
        &[""; 0],
    )
    .expect(0)
    .json();
    assert_eq!((&check["schema"], &check["runs"]), (&2.into(), &1.into()));
    let prune = ecsctl(
        &["store", "prune", "--older-than", "1h", "--store", store],
        &[""; 0],
    )
    .expect(0);
    assert!(prune.stderr.contains("deleted 0 runs"), "{}", prune.stderr);
    ecsctl(&["resume", "nobody", "--store", store], &sim.options()).refuses(2, &["no run nobody"]);
}

#[test]
fn unusable_stores_are_refused_before_anything_is_sent() {
    let Some(store) = store() else { return };
    let sim = Sim::start(60, |region| region.servers(4));
    let refused = |more: &[&str], expected: &[&str]| {
        let all = ["reboot", "--all", "--yes"].iter().chain(more).copied();
        let ended = Ended::of(&mut sim.command(&all.collect::<Vec<_>>()));
        let ended = ended.refuses(2, expected);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    };
    let with_password = "postgres://ops:hunter2@127.0.0.1:9/d";
    refused(
        &["--store", with_password],
        &["--store contains a password"],
    );
    refused(
        &["--store", "postgres://h/d?password=hunter2"],
        &["password"],
    );
    refused(&["--store", "mysql://ops:hunter2@h/d"], &["postgres://"]);
    refused(
        &["--store", "postgres://ops@h/d?sslmode=require"],
        &["verify-full"],
    );
    refused(
        &["--store", "postgres://ops@127.0.0.1:9/d"],
        &["no connection to the store postgres://ops@127.0.0.1:9/d"],
    );
    refused(
        &["--store", &store, "--journal", "j.jsonl"],
        &["--journal cannot be used with a store"],
    );
    let empty = store.replace("/cli", "/postgres?application_name=cli");
    let empty = empty
        .split("cli")
        .next()
        .unwrap()
        .trim_end_matches("?application_name=")
        .to_owned();
    refused(&["--store", &empty], &["store init"]);
    // A password in the environment is used, and not shown.
    let mut run = sim.command(&["reboot", "--all", "--yes"]);
    let ended = Ended::of(run.env("ECSCTL_STORE", with_password));
    let ended = ended.refuses(2, &["no connection to the store"]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    ecsctl(&["store", "check"], &[""; 0]).refuses(2, &["no store is named", "ECSCTL_STORE"]);
    ecsctl(&["resume", "j.jsonl", "--take-over"], &[""; 0])
        .refuses(2, &["--take-over is for a run in a store"]);
    assert_eq!(sim.accepted(), 0);
}

/// Kills a run (-9) at some instant, and resumes it as often as necessary; with `crash`, the database is killed as
/// well.
fn killed_after(pause: Duration, seed: u64, server: Option<&Postgres>, store: &str) {
    let sim = Sim::start(60, |region| region.servers(24).seed(seed));
    let case = format!("seed {seed}, after {pause:?}");
    let mut run = Running::of(&mut sim.command(&reboot(store, &["--servers-per-minute", "8"])));
    std::thread::sleep(pause);
    run.0.kill().unwrap();
    run.wait();
    if let Some(server) = server {
        server.kill().unwrap();
        server.restart().unwrap();
    }
    let before = sim.accepted();
    let Some((run_id, _)) = runs(store)
        .first()
        .cloned()
        .filter(|(_, state)| state != "ended")
    else {
        assert!(
            before == 0 || before == 24,
            "{case}: something was sent before there was a journal"
        );
        return;
    };
    let resume = [
        "resume",
        &run_id,
        "--yes",
        "--store",
        store,
        "--take-over",
        "-o",
        "json",
    ];
    let ended = Ended::of(&mut sim.command(&resume));
    let report = ended.json();
    assert_eq!(report["servers"].as_array().unwrap().len(), 24, "{case}");
    assert!(
        most_times(&sim) <= 1,
        "{case}: a server was restarted twice: {}",
        ended.stderr
    );
    for server in report["servers"].as_array().unwrap() {
        let id = server["id"].as_str().unwrap().parse().unwrap();
        let times = sim.with(|region| region.accepted().times(&id));
        match server["outcome"].as_str().unwrap() {
            "succeeded" => assert_eq!(times, 1, "{case}: {server}"),
            "unknown" => assert!(times <= 1, "{case}: {server}"),
            other => panic!("{case}: {other}: {server}"),
        }
    }
}

/// `ECSCTL_STORE_SEEDS=200` kills this number of runs.
#[test]
fn a_process_that_is_killed_restarts_no_server_twice_and_loses_none() {
    let seeds = std::env::var("ECSCTL_STORE_SEEDS").ok();
    let seeds = seeds.and_then(|text| text.parse().ok()).unwrap_or(4_u64);
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server = server.unwrap();
    for seed in 0..seeds {
        let store = new_store(&server, usize::try_from(seed).unwrap());
        // The first answers come after a second or so.
        let pause = Duration::from_millis(150 + seed * 977 % 3500);
        killed_after(pause, seed, (seed % 2 == 1).then_some(&server), &store);
    }
}

#[cfg(unix)]
#[test]
fn a_process_that_was_stopped_sends_nothing_after_another_took_over() {
    for store in stores() {
        stopped_and_taken_over(&store);
    }
}

fn stopped_and_taken_over(store: &str) {
    let sim = Sim::start(60, |region| region.servers(24).seed(7));
    let mut stopped = Running::of(&mut sim.command(&reboot(store, &["--servers-per-minute", "8"])));
    wait_until("two requests were accepted", || sim.accepted() >= 8);
    stopped.stop_between_writes();
    let (run_id, state) = runs(store).remove(0);
    assert_eq!(state, "running");
    let resume = |more: &[&str]| {
        let expected = ["resume", &run_id, "--yes", "--store", store, "-o", "json"];
        Ended::of(&mut sim.command(&[&expected, more].concat()))
    };
    // The process has been silent, but not long enough for a takeover.
    resume(&[]).refuses(2, &["is in use by", "--take-over"]);
    // Other runs do not act on its servers; with `--held fail` they are refused.
    let held = sim
        .command(&reboot(store, &["--held", "fail"]))
        .output()
        .unwrap();
    let held = Ended::from(held);
    let of_the_dead = format!("is held by run {run_id}");
    let in_flight = sim.with(|region| region.accepted().entries().len()) > 0;
    if in_flight && held.code == Some(2) {
        assert!(held.stderr.contains(&of_the_dead), "{}", held.stderr);
    }
    let accepted = sim.accepted();
    let report = resume(&["--take-over"]).json();
    assert_eq!(report["servers"].as_array().unwrap().len(), 24);
    stopped.signal("CONT");
    let status = stopped.wait();
    assert!(
        [Some(1), Some(3), Some(5)].contains(&status.code()),
        "{status}"
    );
    assert_eq!(most_times(&sim), 1, "after {accepted} servers");
    let all = outcomes(&report);
    assert!(
        all.iter()
            .all(|outcome| ["succeeded", "unknown"].contains(outcome)),
        "{all:?}"
    );
    assert_eq!(runs(store)[0].1, "ended");
}

#[test]
fn processes_share_the_quota() {
    for store in stores() {
        share_the_quota(&store);
    }
}

fn share_the_quota(store: &str) {
    let sim = Sim::start(60, |region| region.servers(24).seed(9));
    let ids = sim.ids();
    let mut processes: Vec<_> = ids
        .chunks(8)
        .map(|ids| {
            let mut expected = vec![
                "reboot",
                "--yes",
                "--batch-size",
                "4",
                "--store",
                store,
                "--servers-per-minute",
                "8",
            ];
            expected.extend(ids.iter().map(String::as_str));
            Running::of(&mut sim.command(&expected))
        })
        .collect();
    for process in &mut processes {
        assert_eq!(process.wait().code(), Some(0));
    }
    let minute = Duration::from_secs(60);
    let peak = sim.with(|region| region.accepted().peak(ecs_sim::ActionKind::Reboot, minute));
    assert!(peak <= 8, "{peak} servers in a minute");
    assert_eq!(sim.accepted(), 24);

    // A truncated list says so.
    let all = runs(store).len();
    let list = |limit: usize| {
        let limit = limit.to_string();
        let expected = [
            "run", "list", "--store", store, "-o", "json", "--limit", &limit,
        ];
        ecsctl(&expected, &[""; 0]).expect(0)
    };
    let cut = list(all - 1);
    assert!(cut.stderr.contains("only the latest"), "{}", cut.stderr);
    assert_eq!(cut.json()["truncated"], true);
    assert_eq!(cut.json()["runs"].as_array().unwrap().len(), all - 1);
    let whole = list(all);
    assert_eq!(
        (whole.json()["truncated"].as_bool(), whole.stderr.as_str()),
        (Some(false), "")
    );
}

#[test]
fn another_file_is_refused_as_a_store() {
    if cfg!(not(feature = "sqlite")) {
        return;
    }
    let reboot = |store: &str| ecsctl(&reboot(store, &["--sim"]), &[""; 0]);
    reboot("sqlite:/nowhere/fleet.db").refuses(2, &["no store /nowhere/fleet.db", "store init"]);
    reboot("sqlite:").refuses(2, &["--store: sqlite: needs the name of a file"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.db");
    let store = format!("sqlite:{}", file.display());
    let grants = ["store", "init", "--grant-to", "ops", "--store", &store];
    ecsctl(&grants, &[""; 0]).refuses(2, &["has no roles", "--grant-to"]);
}

#[test]
fn the_recorded_command_contains_no_password() {
    // Other users see arguments, so no option takes a password.
    let help =
        Ended::of(Command::new(env!("CARGO_BIN_EXE_ecsctl")).args(["store", "init", "--help"]));
    assert!(
        !help.stdout.contains("--store-password <"),
        "{}",
        help.stdout
    );
}
