//! Choosing servers for reboot, start and stop: names, files, filters.

use std::collections::BTreeSet;

use crate::common::{Ended, Sim, ecsctl, with_stdin};

fn fleet() -> Sim {
    Sim::start(60, |region| region.servers(300).shutoff(0.2))
}

fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    ecsctl(arguments, &sim.options())
}

fn listed(sim: &Sim, filters: &[&str]) -> BTreeSet<String> {
    let list = run(sim, &[&["server", "list", "-o", "id"], filters].concat()).expect(0);
    list.stdout.lines().map(str::to_owned).collect()
}

fn sent(sim: &Sim) -> BTreeSet<String> {
    sim.with(|region| {
        let entries = region.accepted().entries().iter();
        entries
            .flat_map(|entry| entry.servers.clone())
            .map(|id| id.to_string())
            .collect()
    })
}

#[test]
fn only_matching_servers_are_acted_on() {
    let sim = fleet();
    let filters = [
        "--tag",
        "role=web",
        "--not-tag",
        "env=prod",
        "--status",
        "ACTIVE",
    ];
    let expected = listed(&sim, &filters);
    assert!(
        expected.len() > 10 && expected.len() < 100,
        "{}",
        expected.len()
    );
    let report = run(
        &sim,
        &[&["reboot", "--yes", "-o", "json"], &filters[..]].concat(),
    )
    .expect(0)
    .json();
    assert_eq!(report["summary"]["succeeded"], expected.len());
    assert_eq!(sent(&sim), expected);
}

#[test]
fn names_files_and_exclusions_are_combined() {
    let sim = fleet();
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list.json");
    std::fs::write(
        &list,
        run(&sim, &["server", "list", "--name", "db-00?", "-o", "json"])
            .expect(0)
            .stdout,
    )
    .unwrap();
    let keep = directory.path().join("keep.csv");
    std::fs::write(&keep, "Name,Note\ndb-002,master\n").unwrap();
    let expected = listed(
        &sim,
        &["--name", "{db-00?,web-00[12]}", "--exclude", "db-002"],
    );
    let arguments = [
        "start",
        "web-001,web-002",
        "--from-file",
        list.to_str().unwrap(),
        "--exclude",
        &format!("@{}", keep.display()),
        "--yes",
    ];
    let ended = run(&sim, &arguments);
    for message in [
        "9 servers, JSON, an object with a list of servers",
        "1 server, CSV, column \"Name\"",
        "skipped by the filters",
    ] {
        assert!(
            ended.stderr.contains(message),
            "{message}: {}",
            ended.stderr
        );
    }
    assert_eq!(sent(&sim), expected);
    assert_eq!(expected.len(), 10);
}

/// The ids of names are known only from the list; nothing is sent if a name is ambiguous.
#[test]
fn an_invalid_selection_sends_nothing() {
    let sim = fleet();
    for (arguments, message) in [
        (
            &["reboot", "web-001", "web-9999"][..],
            "no server of the project is called \"web-9999\"",
        ),
        (&["reboot", "--tag", "rol=web"], "keys in use: env, role"),
        (
            &["stop", "--not-tag", "env=prdo"],
            "values of env in use: prod, stage, test",
        ),
        (&["stop", "--status", "ACTVE"], "did you mean ACTIVE?"),
        (
            &["reboot", "--name", "wbe-*"],
            "no server's name fits \"wbe-*\"",
        ),
        (
            &["reboot", "--all", "--exclude", "web-9999"],
            "the server to exclude is not in the project",
        ),
        (
            &["reboot", "--tag", "role=web", "--status", "BUILD"],
            "none of 300 servers fits all conditions",
        ),
        (&["reboot", "--all", "web-001"], "cannot be used with"),
        (
            &["reboot", "web-001", "--include-stopped"],
            "--include-stopped is for --all and filters",
        ),
        (&["start"], "no server to start"),
    ] {
        run(&sim, &[arguments, &["--yes"]].concat()).refuses(2, &[message]);
    }
    let table = "+----+\n| ID |\n+----+\n";
    with_stdin(
        &["reboot", "--yes", "--from-file", "-"],
        &sim.options(),
        table,
    )
    .refuses(
        2,
        &[
            "stdin:1:1: this is a table with borders",
            "openstack server list -f json",
        ],
    );
    let forced = [
        "reboot",
        "--yes",
        "--from-file",
        "-",
        "--from-format",
        "json",
    ];
    with_stdin(&forced, &sim.options(), "web-001\n").refuses(2, &["stdin:1:1: this is not JSON"]);
    assert_eq!(sim.accepted(), 0);
}

/// The workflow of the documentation: select, list, dry run, act, and rerun the failed servers.
#[test]
fn a_dry_run_shows_the_run() {
    let sim = fleet();
    let filters = ["--tag", "role=cache", "--status", "SHUTOFF"];
    let expected = listed(&sim, &filters);
    let planned = run(
        &sim,
        &[&["start", "--dry-run", "-o", "json"], &filters[..]].concat(),
    )
    .expect(0)
    .json();
    assert_eq!(planned["servers"], expected.len());
    assert_eq!(sim.accepted(), 0);
}

/// A shell variable that is not set, or a list whose command failed, must not widen the selection.
#[test]
fn nothing_given_is_not_everything() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.txt");
    std::fs::write(&empty, "# nothing\n").unwrap();
    let excluded = format!("@{}", empty.display());
    let ids = sim.ids();
    for (arguments, message) in [
        (
            &["", "--status", "ACTIVE"][..],
            "argument 1: no server; is a shell variable unset?",
        ),
        (
            &[&ids[0], " ,"],
            "argument 2: no server; is a shell variable unset?",
        ),
        (
            &["--all", "--exclude", ""],
            "--exclude \"\": no server; is a shell variable unset?",
        ),
        (&["--all", "--exclude", &excluded], "no server in the file"),
    ] {
        let ended = run(&sim, &[&["reboot", "--yes"], arguments].concat()).expect(2);
        assert!(
            ended.stderr.contains(message),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("nothing was sent"),
            "{}",
            ended.stderr
        );
    }
    assert!(sent(&sim).is_empty());
}

/// The default of KooCLI is a page of 25 servers.
#[test]
fn a_page_of_a_longer_list_is_warned_of() {
    let sim = fleet();
    let page = format!(
        "{{\"count\":700,\"servers\":[{{\"id\":\"{}\"}}]}}",
        sim.ids()[0]
    );
    let arguments = ["reboot", "--dry-run", "--from-file", "-"];
    let ended = with_stdin(&arguments, &sim.options(), &page).expect(0);
    let warning = "warning: stdin lists 1 of 700 servers: it is one page of a longer list";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
}

/// A spreadsheet that was sorted by one column, or an old inventory: the ids are those of other servers.
#[test]
fn names_beside_other_ids_are_refused() {
    let sim = fleet();
    let folder = tempfile::tempdir().unwrap();
    let list = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let filter = ["server", "list", "--name", "web-00?"];
    let columns = ["-o", "csv", "--columns", "name,id"];
    let right = run(&sim, &[&filter[..], &columns].concat())
        .expect(0)
        .stdout;
    let rows: Vec<(&str, &str)> = right
        .lines()
        .skip(1)
        .map(|row| row.split_once(',').unwrap())
        .collect();
    assert_eq!(rows.len(), 9);
    let mut ids: Vec<&str> = rows.iter().map(|(_, id)| *id).collect();
    ids.rotate_left(1);
    let sorted: Vec<(&str, &str)> = rows.iter().map(|(name, _)| *name).zip(ids).collect();
    let csv = sorted.iter().map(|(name, id)| format!("{name};{id}\n"));
    let csv = list(
        "sorted.csv",
        &format!("Name;ID\n{}", csv.collect::<String>()),
    );
    let of = |id: &str| rows.iter().find(|(_, known)| *known == id).unwrap().0;
    let first = format!(
        "sorted.csv:2:9: {} is \"web-001\" in the list and \"{}\" in the project",
        sorted[0].1,
        of(sorted[0].1)
    );
    let expected = [
        "error: 9 listed servers have other names in the project; nothing was sent",
        &first,
        "and 4 more",
        "ids alone are not compared",
        &format!("  ecsctl server list --from-file {csv} -o id "),
    ];
    for arguments in [
        &["reboot", "--yes", "--from-file", &csv][..],
        &["stop", "--dry-run", "--from-file", &csv],
        // The list of the project is read for the filter.
        &["reboot", "--yes", "--status", "ACTIVE", "--from-file", &csv],
    ] {
        run(&sim, arguments).refuses(2, &expected);
    }
    let json = list(
        "one.json",
        &format!("[{{\"ID\": \"{}\", \"Name\": \"db-001\"}}]", rows[0].1),
    );
    let yaml = list(
        "one.yaml",
        &format!("- Name: db-001\n  ID: {}\n", rows[0].1),
    );
    let table = list(
        "one.txt",
        &format!("ID  NAME  AZ\n{}  db-001  a\n", rows[0].1),
    );
    for list in [&json, &yaml, &table] {
        run(&sim, &["reboot", "--yes", "--from-file", list]).refuses(
            2,
            &["1 listed server has another name", "\"db-001\" in the list"],
        );
    }
    assert_eq!(sim.accepted(), 0);
    let warned = run(&sim, &["server", "list", "--from-file", &csv, "-o", "id"]).expect(0);
    let warning = "warning: 9 listed servers have other names in the project: ";
    assert!(warned.stderr.contains(warning), "{}", warned.stderr);
    let ids = list("ids.txt", &warned.stdout);
    for list in [&list("right.csv", &right), &ids] {
        run(&sim, &["reboot", "--dry-run", "--from-file", list]).expect(0);
    }
    let unread = ["reboot", "--dry-run", "--no-preflight", "--from-file", &csv];
    run(&sim, &unread).expect(0);
}
