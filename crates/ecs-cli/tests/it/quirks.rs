//! Surprises of a service, over a real socket, as processes: undocumented jobs, jobs of every kind, and servers that
//! do not settle.

mod server;

use std::io::{BufReader, Read as _};

use crate::common::{Running, command, ecsctl, options, outcomes};
use serde_json::{Value, json};
use server::{Act, Service};

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";
const HTML: &str = "<html><body><h1>Bad Gateway</h1></body></html>";

/// The beginning of a job that is old enough to be polled often.
fn begin_time() -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(9)).to_string()
}

/// Returns a job as the service writes it, with these fields replaced.
fn job(status: &str, more: Value) -> Value {
    let mut job = json!({
        "status": status, "job_type": "someJob", "begin_time": begin_time(), "end_time": "",
        "error_code": null, "fail_reason": null,
    });
    job.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    job
}

fn shows(job: &Value) -> Act {
    Act::ok(job.to_string())
}

fn runs(more: Value) -> Act {
    shows(&job("RUNNING", more))
}

fn sub_jobs(parts: &[(&str, String)]) -> Value {
    let parts: Vec<_> = parts
        .iter()
        .map(|(status, id)| json!({"status": status, "entities": {"server_id": id}, "job_id": "s", "error_code": ""}))
        .collect();
    json!({"sub_jobs_total": parts.len(), "sub_jobs": parts})
}

/// Both sub-jobs have ended, in another order than requested.
fn succeeded() -> Value {
    let parts = sub_jobs(&[("SUCCESS", B.to_owned()), ("SUCCESS", A.to_uppercase())]);
    job(
        "SUCCESS",
        json!({"end_time": "2026-11-24T00:00:00.000Z", "entities": parts}),
    )
}

/// Every error of a query.
fn failure() -> Vec<Act> {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"status\":\"SUCC".to_vec();
    let chunks =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"sta\r\nzz\r\n".to_vec();
    vec![
        Act::Reset,
        // Too new to be known to the service.
        Act::answer(
            "404 Not Found",
            "",
            r#"{"code":"Common.0011","message":"job not found"}"#,
        ),
        // All kinds of errors, one after the other.
        Act::answer(
            "500 Internal Server Error",
            "Content-Type: text/html\r\n",
            HTML,
        ),
        Act::answer("502 Bad Gateway", "Content-Type: text/html\r\n", HTML).then_closed(),
        Act::Last(cut),
        runs(json!({"entities": null})),
        Act::Last(b"\x16\x03\x01 this is no HTTP\r\n\r\n".to_vec()),
        Act::Last(chunks),
        Act::Last(Vec::new()),
        // Known to the service, but unreadable.
        Act::ok(""),
        runs(json!({"entities": ""})).then_closed(),
        shows(&succeeded()),
    ]
}

/// Every form of a job's answer, up to its success.
fn moods() -> Vec<Act> {
    vec![
        Act::answer(
            "429 Too Many Requests",
            "Retry-After: 1\r\n",
            r#"{"error_code":"APIGW.0308","error_msg":"slow down"}"#,
        ),
        Act::answer(
            "202 Accepted",
            "",
            r#"{"error":{"code":"Common.0024","message":"flow over limit"}}"#,
        ),
        Act::ok(r#"{"code":"Common.9999","message":"a failure with a status of success"}"#),
        // In quotes and after a byte order mark.
        Act::ok(format!(
            "\u{feff}{}",
            job("RUNNING", json!({"entities": "null"}))
        )),
        shows(&job(
            "PENDING_PAYMENT",
            json!({"entities": {"server_id": A.to_uppercase()}}),
        )),
        shows(&job("PENDING_PAYMENT", json!({"entities": {}}))).then_closed(),
        // Out of order, in upper case, and one of them ended.
        runs(
            json!({"entities": sub_jobs(&[("SUCCESS", B.to_uppercase()), ("RUNNING", A.to_owned())])}),
        ),
        shows(&succeeded()),
    ]
}

/// The resources of jobs of other kinds.
fn other_kinds() -> [(&'static str, Value); 3] {
    [
        (
            "nic",
            json!({"nic_id": B, "port": {"fixed_ips": ["10.0.0.1", null]}}),
        ),
        (
            "disk",
            json!({"volume_id": A, "volume_type": "SSD", "size": 40, "attached": true}),
        ),
        (
            "create",
            json!({"sub_jobs_total": 1, "sub_jobs": [{
                "status": "SUCCESS", "job_id": "c1", "job_type": "createSingleServer", "begin_time": "2026-11-24T00:00:00.000Z",
                "entities": {"server_id": A, "flavor": "s3.large.2"}, "end_time": "2026-11-24T00:01:00.000Z",
            }]}),
        ),
    ]
}

/// The port is closed at first, then all answers come at once.
#[test]
fn undocumented_jobs_are_handled() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _within = runtime.enter();
    // Bound and not yet listening: the port is reserved, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let arguments = [
        "job", "wait", "trouble", "moods", "nic", "disk", "create", "-o", "json",
    ];
    let arguments = arguments.map(str::to_owned).into_iter();
    let mut command = command(arguments.chain(options(&endpoint, "p1", "t1")));
    let mut process = Running::of(command.env("ECSCTL_SIM_SPEED", "10"));
    let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
    Running::until(&mut stderr, "cannot query job trouble: could not connect");
    let listener = socket.listen(16).unwrap().into_std().unwrap();
    listener.set_nonblocking(false).unwrap();
    let kinds = other_kinds();
    let mut scripts = vec![("trouble", failure()), ("moods", moods())];
    for (name, entities) in kinds.clone() {
        let done = job("SUCCESS", json!({"job_id": name, "entities": entities}));
        scripts.push((
            name,
            vec![runs(json!({"entities": entities})), shows(&done)],
        ));
    }
    let service = Service::on(listener, scripts);

    let (mut out, mut err) = (String::new(), String::new());
    process
        .0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    stderr.read_to_string(&mut err).unwrap();
    assert_eq!(process.wait().code(), Some(0), "{out}{err}");
    assert_eq!(
        (service.left("trouble"), service.left("moods")),
        (0, 0),
        "each act was played"
    );
    let undocumented =
        "job moods has the status PENDING_PAYMENT, which the service does not document";
    assert_eq!(err.matches(undocumented).count(), 1, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let jobs = document["jobs"].as_array().unwrap();
    assert!(
        jobs.iter()
            .all(|job| job["state"] == "succeeded" && job["error"].is_null()),
        "{out}"
    );
    for job in &jobs[..2] {
        let parts = &job["job"]["entities"]["sub_jobs"];
        let ids = [0, 1].map(|part: usize| &parts[part]["entities"]["server_id"]);
        assert_eq!(ids, [B, A]);
    }
    for (index, (name, entities)) in kinds.into_iter().enumerate() {
        assert_eq!(jobs[index + 2]["job_id"], name);
        assert_eq!(jobs[index + 2]["job"]["entities"], entities, "as they came");
    }
}

#[test]
fn a_stalled_job_is_reported() {
    let service = Service::start([("j1", vec![runs(json!({}))])]);
    let arguments = ["job", "wait", "j1", "--stalled-after", "3s", "-o", "json"];
    let ended = ecsctl(&arguments, &service.options()).expect(5);
    let job = &ended.json()["jobs"][0];
    assert_eq!(
        (&job["state"], &job["job"]["status"]),
        (&json!("stalled"), &json!("RUNNING"))
    );
    let expected = "job j1 has made no progress for 3s";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[test]
fn a_job_of_a_network_interface_is_shown() {
    let entities = json!({"nic_id": B, "port": {"fixed_ips": ["10.0.0.1"]}});
    let service = Service::start([("j1", vec![runs(json!({"entities": entities}))])]);
    let shown = ecsctl(&["job", "show", "j1"], &service.options())
        .expect(0)
        .stdout;
    for expected in [
        "JOB", "running", "RUNNING", "someJob", "nic_id", B, "10.0.0.1",
    ] {
        assert!(
            shown.contains(expected),
            "{expected} is missing in\n{shown}"
        );
    }
    let shown = ecsctl(&["job", "show", "j1", "-o", "json"], &service.options())
        .expect(0)
        .json();
    assert_eq!(shown["jobs"][0]["job"]["entities"], entities);
}

/// A service whose job succeeds, and which then lists its server like this.
fn restarting(server: Value) -> Service {
    let accepted = Act::ok(r#"{"job_id":"j1"}"#);
    let done = job(
        "SUCCESS",
        json!({"entities": sub_jobs(&[("SUCCESS", A.to_owned())])}),
    );
    let list = json!({"count": 1, "servers": [server]}).to_string();
    Service::start([
        ("action", vec![accepted]),
        ("j1", vec![shows(&done)]),
        ("detail", vec![Act::ok(list)]),
    ])
}

#[test]
fn a_server_in_error_after_its_job_has_failed() {
    let service = restarting(json!({"id": A, "status": "ERROR", "OS-EXT-STS:task_state": null}));
    let arguments = [
        "reboot",
        A,
        "--yes",
        "--no-preflight",
        "--verify",
        "-o",
        "json",
    ];
    let ended = ecsctl(&arguments, &service.options()).expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["failed"]);
    assert_eq!(
        report["servers"][0]["error"]["message"],
        "its job succeeded, but its status is ERROR"
    );
    assert_eq!(report["servers"][0]["job_id"], "j1");
    assert_eq!(service.requests("POST "), 1);
}

#[test]
fn a_server_that_does_not_settle_in_time_has_failed() {
    let rebooting = json!({"id": A, "status": "REBOOT", "OS-EXT-STS:task_state": "rebooting"});
    let service = restarting(rebooting);
    let arguments = ["--verify", "--verify-timeout", "4s"];
    let arguments = [&["reboot", A, "--yes", "--no-preflight"], &arguments[..]].concat();
    let ended = ecsctl(&arguments, &service.options()).expect(1);
    let expected = "4s later its status is REBOOT, its task rebooting";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
    assert_eq!(service.requests("POST "), 1);
}

#[test]
fn settled_servers_have_succeeded() {
    let (_sim, info) = Running::sim(&["--servers", "3", "--seed", "4", "--speed", "20"]);
    let arguments = ["reboot", "--all", "--yes", "--verify", "-o", "json"];
    let report = ecsctl(&arguments, &crate::common::options_of(&info))
        .expect(0)
        .json();
    assert_eq!(outcomes(&report), ["succeeded"; 3]);
}
