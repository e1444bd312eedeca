//! `ecsctl rerun` and `ecsctl run show -o id`: act again only on the servers that need it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{Ended, Sim, ecsctl};

const NONE: [&str; 0] = [];

fn ids_of(journal: &str, outcome: &str) -> BTreeSet<String> {
    let shown = ecsctl(
        &["run", "show", journal, "-o", "id", "--outcome", outcome],
        &NONE,
    )
    .expect(0);
    shown.stdout.lines().map(str::to_owned).collect()
}

fn accepted_ids(sim: &Sim, from: usize) -> Vec<String> {
    sim.with(|region| {
        let entries = region.accepted().entries().iter().skip(from);
        entries
            .flat_map(|entry| entry.servers.clone())
            .map(|id| id.to_string())
            .collect()
    })
}

/// Arguments after `--` are options of the new run.
fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    let end = arguments
        .iter()
        .position(|argument| *argument == "--")
        .unwrap_or(arguments.len());
    let options = sim.options();
    let mut all = arguments[..end].to_vec();
    all.extend(options.iter().map(String::as_str));
    all.extend(&arguments[end..]);
    ecsctl(&all, &NONE)
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[test]
fn failed_and_not_attempted_servers_are_rerun() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (
        path(directory.path(), "1.jsonl"),
        path(directory.path(), "2.jsonl"),
    );
    let sim = Sim::start(60, |region| region.servers(30).failing(0.6));
    run(
        &sim,
        &[
            "reboot",
            "--all",
            "--yes",
            "--wave",
            "10",
            "--max-failures",
            "5",
            "--journal",
            &first,
        ],
    )
    .expect(5);
    let (failed, left) = (ids_of(&first, "failed"), ids_of(&first, "not-attempted"));
    assert!(
        failed.len() > 5 && left.len() >= 5,
        "{} {}",
        failed.len(),
        left.len()
    );
    let before = sim.with(|region| region.accepted().entries().len());

    let planned = run(
        &sim,
        &["rerun", &first, "--failed", "--dry-run", "-o", "json"],
    )
    .expect(0);
    assert_eq!(planned.json()["servers"], failed.len());
    assert_eq!(sim.with(|region| region.accepted().entries().len()), before);

    let again = run(
        &sim,
        &[
            "rerun",
            &first,
            "--failed",
            "--yes",
            "--journal",
            &second,
            "-o",
            "json",
            "--",
            "--max-failures",
            "100%",
        ],
    );
    assert!(
        again.stderr.contains(&format!("{} failed", failed.len())),
        "{}",
        again.stderr
    );
    let report = again.json();
    assert_eq!(report["summary"]["requested"], failed.len());
    let sent: BTreeSet<String> = accepted_ids(&sim, before).into_iter().collect();
    assert_eq!(sent, failed);
    // The new journal has the options of the earlier run, and can be run again itself.
    let record = std::fs::read_to_string(&second).unwrap();
    assert!(
        record.contains("\"type\":\"SOFT\"") && record.contains("\"rolling\""),
        "{record}"
    );

    let before = sim.with(|region| region.accepted().entries().len());
    let rest = run(
        &sim,
        &[
            "rerun",
            &first,
            "--not-attempted",
            "--yes",
            "--",
            "--max-failures",
            "100%",
        ],
    );
    assert!(
        rest.stderr.contains("warning: do not resume"),
        "{}",
        rest.stderr
    );
    let sent: BTreeSet<String> = accepted_ids(&sim, before).into_iter().collect();
    assert_eq!(sent, left);
}

#[test]
fn invalid_reruns_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let journal = path(directory.path(), "run.jsonl");
    let sim = Sim::start(60, |region| region.servers(3));
    run(&sim, &["reboot", "--all", "--yes", "--journal", &journal]).expect(0);
    run(&sim, &["rerun", &journal, "--yes"])
        .refuses(2, &["no servers to rerun", "nothing was sent"]);
    run(&sim, &["rerun", &journal, "--yes", "--", "--type", "hard"]).expect(2);
    run(&sim, &["rerun", "/nonexistent", "--yes"]).expect(2);
    assert_eq!(sim.accepted(), 3);
    // The end record is missing: the run may be active.
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&journal, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    run(&sim, &["rerun", &journal, "--yes"]).refuses(2, &["has no end record", "ecsctl resume"]);
}

#[test]
fn run_show_lists_the_servers_of_an_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let journal = path(directory.path(), "run.jsonl");
    let sim = Sim::start(60, |region| region.servers(20).failing(0.3));
    run(&sim, &["reboot", "--all", "--yes", "--journal", &journal]).expect(1);
    let (failed, succeeded) = (ids_of(&journal, "failed"), ids_of(&journal, "succeeded"));
    assert_eq!(failed.len() + succeeded.len(), 20);
    let all = ecsctl(&["run", "show", &journal, "-o", "id"], &NONE).expect(0);
    assert_eq!(all.stdout.lines().count(), 20);
    let json = ecsctl(
        &["run", "show", &journal, "-o", "json", "--outcome", "failed"],
        &NONE,
    )
    .expect(0)
    .json();
    assert_eq!(json["servers"].as_array().unwrap().len(), failed.len());
    assert_eq!(json["summary"]["requested"], 20);
    let table = ecsctl(&["run", "show", &journal, "--outcome", "failed"], &NONE)
        .expect(0)
        .stdout;
    assert!(
        succeeded.iter().all(|id| !table.contains(id)) && table.contains("reboot SOFT, 20 servers"),
        "{table}"
    );
}

/// The names come from the earlier runs, even without reads before the action; pages and lists have them.
#[test]
fn names_come_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let sim = Sim::start(60, |region| region.servers(3));
    let id = sim.info().servers[1];
    sim.with(|region| region.set_failing(&id, true));
    let run = |arguments: &[&str]| {
        let mut command = sim.command(arguments);
        Ended::of(command.current_dir(folder.path()))
    };
    run(&["reboot", "--all", "--yes", "--journal", "one.jsonl"]).expect(1);
    let journal = std::fs::read_to_string(folder.path().join("one.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    let name = first["record"]["names"][id.to_string()]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(journal.matches(&name).count(), 1, "once: {journal}");
    // Options of the new run come after all others.
    let again = [
        "rerun",
        "one.jsonl",
        "--failed",
        "--yes",
        "--journal",
        "two.jsonl",
        "-o",
        "json",
    ];
    let place = sim.options();
    let given = again.into_iter().chain(place.iter().map(String::as_str));
    let mut command = crate::common::command(given.chain(["--", "--no-preflight"]));
    let ended = Ended::of(command.current_dir(folder.path())).expect(1);
    assert_eq!(ended.json()["servers"][0]["name"], name.as_str());
    let shown = run(&["run", "show", "two.jsonl"]).expect(0).stdout;
    assert!(shown.contains(&format!("{id}  {name}")), "{shown}");
    let shown = run(&["run", "show", "two.jsonl", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(shown["servers"][0]["name"], name.as_str());
    assert!(shown["servers"][0]["at"].is_string());
    run(&["run", "show", "two.jsonl", "--html", "two.html"]).expect(0);
    let page = std::fs::read_to_string(folder.path().join("two.html")).unwrap();
    assert!(page.contains(&format!("<td>{id}</td><td>{name}</td>")));
    // A resumed run has them too, with the times of earlier outcomes.
    run(&[
        "reboot",
        "--all",
        "--wave",
        "1",
        "--max-failures",
        "0",
        "--yes",
        "--journal",
        "three.jsonl",
    ])
    .expect(5);
    let at = run(&["run", "show", "three.jsonl", "-o", "json"])
        .expect(0)
        .json();
    let question = run(&["resume", "three.jsonl", "--dry-run"])
        .expect(0)
        .stdout;
    assert!(question.contains(&sim.id(2)), "{question}");
    let ended = run(&["resume", "three.jsonl", "--yes", "-o", "json"]);
    let report = ended.json();
    for server in report["servers"].as_array().unwrap() {
        assert!(server["name"].is_string(), "{server}");
    }
    assert_eq!(report["servers"][1]["at"], at["servers"][1]["at"]);
}

/// The announcement names the journal or the plan as the origin of their values, not the command line.
#[test]
fn the_place_comes_from_the_journal_or_the_plan() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, plan) = (
        path(directory.path(), "1.jsonl"),
        path(directory.path(), "1.plan"),
    );
    let sim = Sim::start(60, |region| region.servers(3).failing(1.0));
    let token = ["--token".to_owned(), sim.options().pop().unwrap()];
    run(&sim, &["reboot", "--all", "--yes", "--journal", &journal]).expect(1);
    run(&sim, &["plan", "reboot", "--all", "--out", &plan]).expect(0);
    for (command, origin) in [
        (["rerun", &journal], "(from the journal)"),
        (["apply", &plan], "(from the plan)"),
    ] {
        let shown = ecsctl(&[&command[..], &["--dry-run"]].concat(), &token).expect(0);
        for label in ["project ", "endpoint "] {
            let row = shown
                .stdout
                .lines()
                .find(|line| line.trim_start().starts_with(label));
            assert!(
                row.is_some_and(|row| row.ends_with(origin)),
                "{}",
                shown.stdout
            );
        }
    }
    let csv = ecsctl(
        &["run", "show", &journal, "-o", "csv", "--outcome", "failed"],
        &NONE,
    )
    .expect(0);
    assert!(csv.stdout.starts_with("id,name,outcome,"), "{}", csv.stdout);
    assert_eq!(csv.stdout.lines().count(), 4, "{}", csv.stdout);
}
