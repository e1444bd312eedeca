//! `server list` and `server show`, as a process against a simulated region.

use crate::common::{Ended, Sim, ecsctl, with_stdin};

fn fleet() -> Sim {
    Sim::start(60, |region| region.servers(450).shutoff(0.2))
}

#[test]
fn a_list_is_filtered_sorted_and_written_in_every_format() {
    let sim = fleet();
    let list = |arguments: &[&str]| {
        let arguments = [&["server", "list"], arguments].concat();
        ecsctl(&arguments, &sim.options()).expect(0).stdout
    };
    assert_eq!(list(&["-o", "id"]).lines().count(), 450);
    let web = list(&["--tag", "role=web", "--status", "active", "-o", "name"]);
    assert!(
        web.lines().count() > 50 && web.lines().all(|name| name.starts_with("web-")),
        "{web}"
    );
    let sorted = list(&[
        "--name",
        "web-00?",
        "--sort",
        "-name",
        "--columns",
        "name",
        "-o",
        "csv",
    ]);
    let names: Vec<&str> = sorted.lines().collect();
    assert_eq!(names[..3], ["name", "web-009", "web-008"]);
    let json: serde_json::Value = serde_json::from_str(&list(&["web-003", "-o", "json"])).unwrap();
    assert_eq!(json["servers"][0]["name"], "web-003");
    assert_eq!(json["servers"][0]["tags"][0], "role=web");
    let table = list(&["web-003", "web-001"]);
    let first: Vec<&str> = table
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(first, ["NAME", "web-003", "web-001"]);
    // Every format is a list of servers for the next command.
    for form in ["table", "wide", "csv", "json", "jsonl", "id", "name"] {
        let text = list(&["--name", "db-0*", "-o", form]);
        let read = with_stdin(
            &["server", "list", "--from-file", "-", "-o", "name"],
            &sim.options(),
            &text,
        );
        let names: Vec<String> = read.expect(0).stdout.lines().map(str::to_owned).collect();
        assert!(
            names.len() > 10 && names.iter().all(|name| name.starts_with("db-0")),
            "{form}: {names:?}"
        );
    }
}

#[test]
fn a_misspelt_value_is_an_error_but_an_empty_list_is_not() {
    let sim = fleet();
    let run =
        |arguments: &[&str]| ecsctl(&[&["server", "list"], arguments].concat(), &sim.options());
    run(&["--tag", "rol=web"]).refuses(
        2,
        &[
            "no server has a tag with the key \"rol\"",
            "keys in use: env, role",
        ],
    );
    run(&["--status", "ACTVE"]).expect(2);
    run(&["web-9999", "db-9999"]).refuses(
        2,
        &[
            "no servers were chosen for 2 reasons",
            "\"web-9999\"",
            "\"db-9999\"",
        ],
    );
    run(&["--not-tag", "env=prdo"])
        .refuses(2, &["no server has the tag env=prdo", "prod, stage, test"]);
    let empty = run(&["--status", "BUILD", "-o", "id"]).expect(0);
    assert_eq!(empty.stdout, "");
    assert!(empty.stderr.contains("status BUILD: 0"), "{}", empty.stderr);
    let json = run(&["--status", "BUILD", "-o", "json"]).expect(0).json();
    assert_eq!(json["servers"], serde_json::json!([]));
    let list = with_stdin(
        &["server", "list", "--from-file", "-"],
        &sim.options(),
        "not a list\n",
    );
    list.refuses(
        2,
        &[
            "stdin:1:1: this line has several words",
            "hint: a list that is always understood",
        ],
    );
}

#[test]
fn a_server_is_shown_by_id_or_name() {
    let sim = fleet();
    let id = sim.id(7);
    let by_id = ecsctl(&["server", "show", &id, "-o", "json"], &sim.options())
        .expect(0)
        .json();
    assert_eq!(by_id["servers"][0]["id"], id.as_str());
    let name = by_id["servers"][0]["name"].as_str().unwrap();
    let shown = ecsctl(&["server", "show", name], &sim.options())
        .expect(0)
        .stdout;
    assert!(
        shown.starts_with(&format!(
            "id                  {id}\nname                {name}\n"
        )),
        "{shown}"
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    ecsctl(&["server", "show", unknown], &sim.options()).refuses(1, &["cannot show the server"]);
    ecsctl(&["server", "show", "nobody"], &sim.options()).refuses(2, &["is called \"nobody\""]);
}

/// The service's records of actions are shown with the server; without the permission to read them, the rest is
/// shown.
#[test]
fn a_server_is_shown_with_its_actions() {
    let sim = fleet();
    let id = sim.id(7);
    let act = ["reboot", &id, "--yes", "--no-journal", "--no-preflight"];
    ecsctl(&act, &sim.options()).expect(0);
    let show = ["server", "show", &id];
    let json = ecsctl(&[&show[..], &["-o", "json"]].concat(), &sim.options());
    let json = json.expect(0).json();
    let actions = &json["servers"][0]["actions"];
    assert_eq!(actions[0]["action"], "reboot", "{json}");
    let shown = ecsctl(&show, &sim.options()).expect(0).stdout;
    let mut lines = shown.lines();
    let line = lines.find(|line| line.starts_with("action  ")).unwrap();
    assert!(
        line.contains(" reboot") && line.contains(" by user "),
        "{line}"
    );

    let sim = Sim::start(1, |region| {
        region.action_records(ecs_sim::ActionRecords::Denied)
    });
    let shown = ecsctl(
        &["server", "show", &sim.id(0), "-o", "json"],
        &sim.options(),
    );
    let shown = shown.expect(0).json();
    assert!(shown["servers"][0]["actions"].is_null(), "{shown}");
    assert!(shown["servers"][0]["actions_error"].is_string(), "{shown}");
}

/// A user without the permission to list gets one error with the right exit code.
#[test]
fn a_refused_list_ends_with_4() {
    let sim = Sim::start(60, |region| region.deny("ecs:cloudServers:list"));
    ecsctl(&["server", "list"], &sim.options()).refuses(4, &["cannot list the servers"]);
}

/// The runs of a server are shown from named journals and from the folder for journals.
#[test]
fn a_server_is_shown_with_its_runs() {
    let sim = Sim::start(60, |region| region.servers(6).failing(1.0));
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("ecsctl/runs");
    std::fs::create_dir_all(&folder).unwrap();
    let (kept, named) = (folder.join("1.jsonl"), state.path().join("2.jsonl"));
    for journal in [&kept, &named] {
        let journal = journal.to_str().unwrap();
        ecsctl(
            &["reboot", &sim.id(0), "--yes", "--journal", journal],
            &sim.options(),
        )
        .expect(1);
    }
    std::fs::write(folder.join("broken.jsonl"), "no journal").unwrap();
    let show = |arguments: &[&str]| {
        let mut command = sim.command(&[&["server", "show"], arguments].concat());
        Ended::of(command.env("XDG_STATE_HOME", state.path()))
    };
    let shown = show(&[&sim.id(0), "--journal", named.to_str().unwrap()]).expect(0);
    let runs: Vec<&str> = shown
        .stdout
        .lines()
        .filter(|line| line.starts_with("run "))
        .collect();
    assert_eq!(runs.len(), 2, "{}", shown.stdout);
    assert!(
        runs[0].contains("reboot SOFT: failed: ") && runs[0].contains("2.jsonl"),
        "{runs:?}"
    );
    assert!(shown.stderr.contains("1 file in "), "{}", shown.stderr);
    let json = show(&[&sim.id(0), "-o", "json"]).expect(0).json();
    assert_eq!(json["servers"][0]["runs"][0]["outcome"], "failed");
    assert_eq!(
        show(&[&sim.id(1), "-o", "json"]).expect(0).json()["servers"][0]["runs"],
        serde_json::json!([])
    );
    show(&[&sim.id(0), "--journal", "/nonexistent"]).expect(2);
    // The folder of the settings is used, as for runs.
    let mut command = sim.command(&["server", "show", &sim.id(0), "-o", "json"]);
    let json = Ended::of(command.env("ECSCTL_JOURNAL_DIR", &folder)).expect(0);
    let runs = json.json()["servers"][0]["runs"].clone();
    assert_eq!(runs[0]["journal"], kept.to_str().unwrap(), "{runs}");
}
