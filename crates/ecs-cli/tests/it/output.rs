//! Reports and events: their keys, the schemas that `ecsctl schema` prints, CSV, ids, and the summary.

use serde_json::{Value, json};

use crate::common::{Ended, Sim, ecsctl};

fn schema(of: &str) -> Value {
    ecsctl(&["schema", of], &[""; 0]).expect(0).json()
}

/// A schema that allows only the keys that it documents.
fn strict(schema: &Value) -> jsonschema::Validator {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                // Stops have further members that depend on their kind; the root of events only refers to its parts.
                let is_open = map
                    .get("description")
                    .is_some_and(|item| item.as_str().unwrap_or("").contains("Further members"));
                if map.contains_key("required") && !map.contains_key("oneOf") && !is_open {
                    map.insert("additionalProperties".to_owned(), json!(false));
                }
                map.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema = schema.clone();
    // Keys of later versions are refused here.
    if let Some(kinds) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        kinds.pop();
    }
    close(&mut schema);
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[track_caller]
fn fits(validator: &jsonschema::Validator, value: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} in {value:#}");
}

fn sim() -> Sim {
    let sim = Sim::start(100, |region| region.servers(12));
    for index in [2, 5] {
        let id = sim.info().servers[index];
        sim.with(|region| region.set_failing(&id, true));
    }
    sim
}

fn run(sim: &Sim, arguments: &[&str]) -> Ended {
    Ended::of(&mut sim.command(arguments))
}

#[test]
fn reports_and_events_match_their_schemas() {
    let (report, events) = (strict(&schema("report")), strict(&schema("events")));
    let missing = "11111111-1111-1111-1111-111111111111";
    for (arguments, code) in [
        (&["reboot", "--all", "--yes"][..], 1),
        (
            &["reboot", "--all", "--yes", "--wave=3", "--max-failures=0"],
            5,
        ),
        (
            &[
                "reboot",
                "--all",
                "--yes",
                "--wave=6",
                "--pause=1s",
                "--escalate",
                "hard-after",
                "5m",
            ],
            1,
        ),
        (
            &[
                "reboot",
                "--all",
                "--yes",
                "--wave=6",
                "--health-cmd=exit 1",
            ],
            5,
        ),
        (&["stop", "--all", "--yes", "--verify"], 1),
        (&["start", "--all", "--yes", "--no-wait"], 0),
        (&["reboot", missing, "--yes", "--no-preflight"], 1),
    ] {
        let sim = sim();
        let json = run(&sim, &[arguments, &["-o", "json"]].concat())
            .expect(code)
            .json();
        fits(&report, &json);
        assert_eq!(json["exit_code"], code, "{arguments:?}");
        assert_eq!(json["stop_reason"].is_string(), code == 5, "{arguments:?}");
        assert_eq!(json["endpoint"], sim.info().listening.as_str());
        let lines = run(&sim, &[arguments, &["-o", "jsonl"]].concat()).lines();
        assert!(lines.len() > 2, "{arguments:?}");
        lines.iter().for_each(|line| fits(&events, line));
        let times: Vec<&str> = lines
            .iter()
            .map(|line| line["at"].as_str().unwrap())
            .collect();
        assert!(
            times.is_sorted_by_key(|at| at.parse::<jiff::Timestamp>().unwrap()),
            "{times:?}"
        );
        assert_eq!(lines.last().unwrap()["event"], "report");
    }
}

/// Times, names and limits of the run.
#[test]
fn a_report_contains_all_of_a_ticket() {
    let sim = sim();
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--wave=6",
        "--max-failures=10",
        "--escalate",
        "hard-after",
        "5m",
        "-o",
        "json",
    ];
    let ended = run(&sim, &arguments).expect(1);
    let report = ended.json();
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (from, until) = (time(&report["started_at"]), time(&report["ended_at"]));
    assert!(from < until);
    for server in report["servers"].as_array().unwrap() {
        assert!((from..=until).contains(&time(&server["at"])), "{server}");
        assert!(server["name"].as_str().unwrap().contains('-'), "{server}");
    }
    assert_eq!(report["hard_restarts"], 2);
    assert_eq!(report["max_failures"], "10");
    assert!(
        ended.stderr.contains("; 2 hard restarts; took "),
        "{}",
        ended.stderr
    );
}

#[test]
fn csv_and_ids_list_the_servers() {
    let sim = sim();
    let csv = run(&sim, &["reboot", "--all", "--yes", "-o", "csv"])
        .expect(1)
        .stdout;
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("id,name,outcome,at,job_id,code,message,hard_restart,note")
    );
    assert_eq!(
        lines.filter(|line| line.contains(",succeeded,")).count(),
        10,
        "{csv}"
    );
    let failed = run(
        &sim,
        &["reboot", "--all", "--yes", "-o", "id", "--show", "failed"],
    )
    .expect(1)
    .stdout;
    assert_eq!(failed, format!("{}\n{}\n", sim.id(2), sim.id(5)));
    let planned = run(&sim, &["reboot", "--all", "--dry-run", "-o", "id"])
        .expect(0)
        .stdout;
    assert_eq!(planned.lines().collect::<Vec<_>>(), sim.ids());
}

#[test]
fn the_summary_names_failures_and_shows_all_on_demand() {
    let sim = sim();
    let summary = run(&sim, &["reboot", "--all", "--yes"]).expect(1).stdout;
    assert!(
        summary.starts_with("12 servers: 10 succeeded, 2 failed; took "),
        "{summary}"
    );
    assert!(
        summary.contains(&format!(
            "\nfailed: 2\n  Ecs.0227: the server could not be restarted (2 servers)\n    {}  ",
            sim.id(2)
        )),
        "{summary}"
    );
    assert!(!summary.contains(&sim.id(0)), "{summary}");
    let all = run(&sim, &["reboot", "--all", "--yes", "--show=all"])
        .expect(1)
        .stdout;
    sim.ids()
        .iter()
        .for_each(|id| assert!(all.contains(id), "{all}"));
    let none = run(&sim, &["reboot", "--all", "--yes", "--show=none"])
        .expect(1)
        .stdout;
    assert_eq!(none.lines().count(), 1, "{none}");
    let quiet = run(&sim, &["reboot", "--all", "--yes", "-q"]).expect(1);
    assert_eq!(
        (quiet.stderr.as_str(), quiet.stdout.lines().count()),
        ("", 6),
        "{}",
        quiet.stdout
    );
}
