//! Restarts, from arguments to outcomes.

use std::process::Stdio;

use crate::common::{Running, Sim, command, ecsctl, options_of, outcomes, with_stdin};
use serde_json::{Value, json};

/// The report of the design, field by field, for servers that all succeeded.
#[track_caller]
fn check_report(report: &Value, ids: &[&str]) {
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "brake",
            "ended_at",
            "endpoint",
            "exit_code",
            "hard_restarts",
            "jobs",
            "max_failures",
            "operation",
            "project_id",
            "run_id",
            "servers",
            "started_at",
            "stop_reason",
            "summary",
            "target",
            "type",
            "version"
        ]
    );
    assert_eq!(report["version"], 1);
    assert_eq!(report["operation"], "reboot");
    assert_eq!(report["type"], "HARD");
    assert!(!report["run_id"].as_str().unwrap().is_empty());
    let count = ids.len();
    let summary = json!({"requested": count, "succeeded": count, "failed": 0, "running": 0, "not_attempted": 0, "unknown": 0});
    assert_eq!(report["summary"], summary);
    let [job] = report["jobs"].as_array().unwrap().as_slice() else {
        panic!("one job: {report}");
    };
    let keys: Vec<&String> = job.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["job_id", "request_id", "servers", "status", "ticket"]
    );
    assert_eq!(
        (&job["status"], &job["servers"]),
        (&json!("SUCCESS"), &json!(count))
    );
    assert!(job["request_id"].is_string());
    let servers = report["servers"].as_array().unwrap();
    assert_eq!(servers.len(), count);
    for (server, id) in servers.iter().zip(ids) {
        let (name, at) = (&server["name"], &server["at"]);
        assert!(name.is_string() && at.is_string(), "{server}");
        let expected = json!({"id": id, "outcome": "succeeded", "job_id": job["job_id"], "name": name, "at": at});
        assert_eq!(server, &expected);
    }
}

#[test]
fn a_run_works_over_http() {
    let (_sim, info) = Running::sim(&["--servers", "3", "--speed", "20"]);
    let id = |index: usize| info["servers"][index].as_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("servers.txt");
    std::fs::write(
        &file,
        format!("# the others\n\n{}\r\n{} # web\n", id(1), id(2)),
    )
    .unwrap();
    let arguments = [
        "reboot",
        "--type",
        "hard",
        id(0),
        "--from-file",
        file.to_str().unwrap(),
        "--yes",
        "-o",
        "json",
    ];
    let ended = ecsctl(&arguments, &options_of(&info)).expect(0);
    check_report(&ended.json(), &[id(0), id(1), id(2)]);
    assert!(
        ended.stderr.contains("\n3 servers: 3 succeeded; took "),
        "the summary is also on stderr: {}",
        ended.stderr
    );
}

#[test]
fn a_run_works_over_https() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let (_sim, info) = Running::sim(&["--servers", "1", "--speed", "20", "--tls", "--ca-out", ca]);
    assert!(
        info["listening"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    assert_eq!(info["ca_file"], ca);
    let id = info["servers"][0].as_str().unwrap();
    let arguments = ["reboot", "--type", "hard", id, "--yes", "-o", "json"];

    let mut options = options_of(&info);
    let stranger = ecsctl(&arguments, &options).expect(1);
    assert_eq!(outcomes(&stranger.json()), ["not_attempted"]);
    assert!(stranger.stderr.contains("--ca-file"), "{}", stranger.stderr);

    options.extend(["--ca-file".to_owned(), ca.to_owned()]);
    let ended = ecsctl(&arguments, &options).expect(0);
    check_report(&ended.json(), &[id]);
}

#[test]
fn the_first_command_of_the_readme_works() {
    let ended = ecsctl(&["reboot", "--sim", "--all", "--yes"], &[""; 0]).expect(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{}", ended.stdout);
    assert!(
        lines[0].starts_with("1200 servers: 1200 succeeded; took "),
        "{}",
        lines[0]
    );
    assert!(
        ended.stderr.contains("its clock runs 15× as fast"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("1200 of 1200 servers done"),
        "{}",
        ended.stderr
    );
}

#[test]
fn events_are_printed_line_by_line() {
    let ended = ecsctl(
        &["stop", "--sim", "--all", "--yes", "-o", "jsonl", "-q"],
        &[""; 0],
    )
    .expect(0);
    assert_eq!(ended.stderr, "");
    let lines = ended.lines();
    assert_eq!(lines[0]["event"], "planned");
    assert_eq!(
        (&lines[0]["servers"], &lines[0]["batches"]),
        (&json!(1200), &json!(13))
    );
    let count = |name: &str| lines.iter().filter(|line| line["event"] == name).count();
    assert_eq!(
        (count("accepted"), count("server_done"), count("report")),
        (13, 1200, 1)
    );
    let report = lines.last().unwrap();
    assert_eq!(
        (&report["event"], &report["version"]),
        (&json!("report"), &json!(1))
    );
    assert_eq!(
        (&report["operation"], &report["type"]),
        (&json!("stop"), &Value::Null)
    );
    assert_eq!(report["summary"]["succeeded"], 1200);
}

#[test]
fn failures_have_a_code_and_a_reason() {
    let sim = Sim::start(20, |region| region.failing(1.0));
    let ended = ecsctl(&["reboot", &sim.id(0), "-y", "-o", "json"], &sim.options()).expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["failed"]);
    let server = &report["servers"][0];
    assert!(server["job_id"].is_string());
    assert!(!server["error"]["message"].as_str().unwrap().is_empty());
    assert!(server["error"].as_object().unwrap().contains_key("code"));
}

#[test]
fn no_wait_ends_with_acceptance() {
    let sim = Sim::start(1, |region| region);
    let ids = sim.ids().join("\n");
    let arguments = [
        "reboot",
        "--from-file",
        "-",
        "--yes",
        "--no-wait",
        "-o",
        "json",
        "--batch-size",
        "2",
    ];
    let ended = with_stdin(&arguments, &sim.options(), &ids).expect(0);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["running"; 3]);
    assert_eq!(report["type"], "SOFT");
    assert_eq!(report["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(sim.accepted(), 3);
    assert!(
        ended.stderr.contains("  ecsctl resume "),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_dry_run_sends_nothing() {
    let sim = Sim::start(1, |region| region);
    let arguments = ["reboot", "--all", "--dry-run", "--batch-size", "2"];
    let options = sim.options();
    let json_options = [options.clone(), vec!["-o".to_owned(), "json".to_owned()]].concat();
    let ended = ecsctl(&arguments, &json_options).expect(0);
    let plan = ended.json();
    assert_eq!(
        (&plan["dry_run"], &plan["servers"]),
        (&json!(true), &json!(3))
    );
    let requests = plan["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["method"], "POST");
    let path = format!("/v1/{}/cloudservers/action", sim.info().project_id);
    assert_eq!(requests[0]["path"], path);
    let servers = json!([{"id": sim.id(0)}, {"id": sim.id(1)}]);
    assert_eq!(
        requests[0]["body"],
        json!({"reboot": {"type": "SOFT", "servers": servers}})
    );
    let table = ecsctl(&arguments, &options).expect(0);
    assert!(
        table
            .stdout
            .contains("dry run: would restart 3 servers softly at http://"),
        "{}",
        table.stdout
    );
    let jsonl = ecsctl(
        &arguments,
        &[options.clone(), vec!["-o".to_owned(), "jsonl".to_owned()]].concat(),
    )
    .expect(0);
    assert_eq!(jsonl.lines().len(), 2);
    for shown in [&ended, &table, &jsonl] {
        assert!(
            !shown.stdout.contains(&options[5]) && !shown.stderr.contains(&options[5]),
            "the token is shown"
        );
    }
    assert_eq!(sim.accepted(), 0);
}

#[test]
fn a_closed_pipe_does_not_stop_the_run() {
    let sim = Sim::start(1, |region| region);
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--no-wait",
        "-o",
        "jsonl",
        "--batch-size",
        "1",
    ];
    let mut child = command(
        arguments
            .map(str::to_owned)
            .into_iter()
            .chain(sim.options()),
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        !stderr.contains("panicked") && !stderr.contains("error"),
        "{stderr}"
    );
    assert_eq!(sim.accepted(), 3);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_does_not_stop_the_run_and_is_reported() {
    let sim = Sim::start(1, |region| region);
    for format in ["table", "json", "jsonl"] {
        let arguments = [
            "reboot",
            &sim.id(0),
            "--type=hard",
            "-y",
            "--no-preflight",
            "--no-wait",
            "-o",
            format,
        ];
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let output = command(
            arguments
                .map(str::to_owned)
                .into_iter()
                .chain(sim.options()),
        )
        .stdout(full.unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        for message in ["error: cannot write the results", "\n1 server: 1 "] {
            assert!(
                stderr.contains(message),
                "{message:?} is missing in {stderr}"
            );
        }
    }
    // A simulator whose address cannot be printed.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = command(["sim"]).stdout(full.unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn split_requests_have_consistent_numbers() {
    let sim = Sim::start(1, |region| region);
    let missing = "11111111-1111-1111-1111-111111111111";
    let arguments = [
        "reboot",
        &sim.id(0),
        missing,
        "--yes",
        "--no-preflight",
        "--no-wait",
    ];
    let ended = ecsctl(&arguments, &sim.options()).expect(1);
    assert!(
        ended.stderr.contains("request 2 accepted") && !ended.stderr.contains("2 of 1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn hints_do_not_name_deleted_jobs() {
    let ended = ecsctl(&["start", "--sim", "--all", "--yes", "--no-wait"], &[""; 0]).expect(0);
    assert!(ended.stdout.contains("1200 servers: 1200 running"));
    assert!(!ended.stderr.contains("job wait"), "{}", ended.stderr);
}

#[test]
fn the_token_can_come_from_stdin() {
    let sim = Sim::start(1, |region| region);
    let mut options = sim.options();
    let token = std::mem::replace(&mut options[5], "-".to_owned());
    let arguments = ["start", &sim.id(0), "--yes", "--no-wait"];
    with_stdin(&arguments, &options, &format!("{token}\n")).expect(0);
    assert_eq!(sim.accepted(), 1);
}
