//! Every wire fault against `ecsctl` as a process: its report, its exit code, the number of sent actions, and its
//! memory.

mod server;

use std::collections::VecDeque;
use std::io::{BufReader, Read as _};
use std::sync::Mutex;

use crate::common::{Ended, Running, ecsctl, options, outcomes};
use ecs_test_support::faults::wire::{ANSWER, Step, response};
use ecs_test_support::faults::{FaultOutcome, statuses, wire};
use serde_json::Value;
use server::Server;

const IDS: [&str; 3] = [
    "616fb98f-46ca-475e-917e-2563e5a8cd19",
    "726fb98f-46ca-475e-917e-2563e5a8cd19",
    "836fb98f-46ca-475e-917e-2563e5a8cd19",
];
const JOB: &str = "12";
/// The number of processes that run at once.
const AT_ONCE: usize = 12;

type Case = Box<dyn FnOnce() + Send>;

/// Runs these in parallel, a dozen at once.
fn all(cases: Vec<Case>) {
    let cases = Mutex::new(VecDeque::from(cases));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let Some(case) = cases.lock().unwrap().pop_front() else {
                            break;
                        };
                        case();
                    }
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Restarts three servers with one request, and does not wait for the job.
fn reboot(server: &Server, more: &[&str]) -> Ended {
    let arguments = [
        &[
            "reboot",
            "--yes",
            "--no-preflight",
            "--no-wait",
            "-o",
            "json",
        ],
        &IDS[..],
        more,
    ]
    .concat();
    ecsctl(&arguments, &server.options())
}

/// Compares the output of a process about an action with the expected outcome.
#[track_caller]
fn check(name: &str, ended: Ended, fault_outcome: FaultOutcome, text: &str) {
    assert_eq!(
        ended.code,
        Some(fault_outcome.exit()),
        "{name}: {}",
        ended.stderr
    );
    let report = ended.expect(fault_outcome.exit()).json();
    // The job is not waited for.
    let outcome = match fault_outcome.outcome() {
        "succeeded" => "running",
        outcome => outcome,
    };
    assert_eq!(outcomes(&report), [outcome; 3], "{name}: {report}");
    let message = report["servers"][0]["error"]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(message.contains(text), "{name}: {message}");
    assert_eq!(
        message.starts_with("may have been executed"),
        fault_outcome == FaultOutcome::Unknown,
        "{name}: {message}"
    );
    assert_eq!(report["summary"]["requested"], 3);
    assert_eq!(report["summary"][outcome], 3);
}

#[track_caller]
fn check_actions(name: &str, server: &Server, fault_outcome: FaultOutcome) {
    let actions = server.actions();
    assert!(
        actions <= fault_outcome.actions(),
        "{name}: {actions} actions were sent"
    );
    let ends_it = matches!(
        fault_outcome,
        FaultOutcome::Unknown | FaultOutcome::Failed | FaultOutcome::Denied
    );
    let connections = server.state().connections;
    assert!(
        !ends_it || connections == 1,
        "{name}: {connections} connections"
    );
}

#[test]
fn every_wire_fault_of_an_action_is_reported() {
    let mut faults = wire::faults();
    // Slow cases begin first.
    faults.sort_by_key(|fault| !fault.takes_time);
    let cases = faults.into_iter().map(|fault| {
        Box::new(move || {
            let server = Server::start([fault.play]);
            let time_limit: &[&str] = if fault.takes_time {
                &["--attempt-timeout", "8s"]
            } else {
                &[]
            };
            let ended = reboot(&server, time_limit);
            check(fault.name, ended, fault.fault_outcome, fault.expected);
            check_actions(fault.name, &server, fault.fault_outcome);
        }) as Case
    });
    all(cases.collect());
}

/// The end of a job is found, whatever fault the first query has.
#[test]
fn every_wire_fault_of_a_query_is_reported() {
    let faults = wire::faults().into_iter();
    let cases = faults.filter(|fault| !fault.takes_time).map(|fault| {
        Box::new(move || {
            let server = Server::start([fault.play]);
            let ended = ecsctl(&["job", "wait", JOB, "-o", "json"], &server.options());
            assert_eq!(ended.code, Some(0), "{}: {}", fault.name, ended.stderr);
            assert_eq!(server.actions(), 0);
        }) as Case
    });
    all(cases.collect());
}

/// Each status and code, with alternating families of error bodies, so that each process has all families.
#[test]
fn every_status_and_code_is_reported() {
    let mut kinds: Vec<Vec<statuses::Answer>> = Vec::new();
    for answer in statuses::answers() {
        match kinds.last_mut() {
            Some(kind) if (kind[0].status, kind[0].code) == (answer.status, answer.code) => {
                kind.push(answer);
            }
            _ => kinds.push(vec![answer]),
        }
    }
    assert_eq!(
        kinds.len(),
        statuses::STATUSES.len() * statuses::CODES.len()
    );
    let cases = kinds.into_iter().enumerate().map(|(turn, mut kind)| {
        let answer = kind.swap_remove(turn % kind.len());
        Box::new(move || {
            let name = &answer.name;
            let first = match answer.status {
                // This status has no body.
                204 => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
                status => response(
                    &format!("{status} Words"),
                    "Retry-After: 0\r\n",
                    &answer.body,
                ),
            };
            let server = Server::start([vec![Step::Read, Step::Send(first)]]);
            let ended = reboot(&server, &[]);
            check(name, ended, answer.action, "");
            check_actions(name, &server, answer.action);
            assert_eq!(server.actions(), answer.action.actions(), "{name}");
        }) as Case
    });
    all(cases.collect());
}

/// Slow cases in parallel. The name sorts first, so that this test begins first.
#[test]
fn a_few_slow_faults_keep_their_exit_codes() {
    all(vec![
        Box::new(a_waiting_run_survives_faults_of_its_queries),
        Box::new(a_service_that_comes_back_gets_the_request_once),
        Box::new(a_service_that_is_not_there),
        Box::new(a_kept_connection_that_is_closed_between_queries),
        Box::new(a_reset_before_the_request),
    ]);
}

/// The service refuses connections until the client retries: then the run succeeds with one request.
fn a_service_that_comes_back_gets_the_request_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _within = runtime.enter();
    // Bound and not yet listening: the port is reserved, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let arguments = ["--no-preflight", "--no-wait", "-o", "jsonl", IDS[0]];
    let arguments = [&["reboot", "--yes"], &arguments[..]].concat();
    let arguments = arguments.into_iter().map(str::to_owned);
    let mut process = Running::spawn(arguments.chain(options(&endpoint, "p1", "t1")));
    let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
    Running::until(&mut stdout, "\"retrying\"");
    let listener = socket.listen(16).unwrap().into_std().unwrap();
    listener.set_nonblocking(false).unwrap();
    let server = Server::on(listener, []);
    Running::until(&mut stdout, "\"accepted\"");
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(server.actions(), 1);
}

/// Connections are refused: five attempts, no server attempted.
fn a_service_that_is_not_there() {
    let endpoint = crate::common::dead_endpoint();
    let arguments = [&["reboot", "--yes", "-o", "json"], &IDS[..]].concat();
    let ended = ecsctl(&arguments, &options(&endpoint, "p1", "t1")).expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["not_attempted"; 3]);
    let message = report["servers"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("could not connect"), "{message}");
    assert!(message.contains("5 attempts"), "{message}");
}

/// A whole run with its job: faults of the queries do not change the outcome.
fn a_waiting_run_survives_faults_of_its_queries() {
    let bad = response("502 Bad Gateway", "", "<html></html>");
    let server = Server::start([
        vec![Step::Read, Step::Send(response("200 OK", "", ANSWER))],
        vec![Step::Read, Step::Send(bad)],
    ]);
    let start = &["reboot", "--yes", "--no-preflight", "-o", "json"][..];
    let ended = ecsctl(&[start, &IDS].concat(), &server.options()).expect(0);
    assert_eq!(outcomes(&ended.json()), ["succeeded"; 3]);
    assert_eq!(server.actions(), 1);
}

/// A kept connection is closed between two queries, four seconds apart.
fn a_kept_connection_that_is_closed_between_queries() {
    let running = response("200 OK", "", ANSWER.replace("SUCCESS", "RUNNING"));
    let server = Server::start([vec![Step::Read, Step::Send(running)]]);
    ecsctl(&["job", "wait", JOB], &server.options()).expect(0);
    assert_eq!(server.state().connections, 2);
    assert_eq!(server.state().requests.len(), 2);
}

/// Reset in the TLS handshake: nothing can have been sent, so the request is retried, and no server was attempted.
fn a_reset_before_the_request() {
    let tls = ecs_sim::Tls::self_signed().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, tls.ca_pem().unwrap()).unwrap();
    let reset = vec![Step::ReadByte, Step::Reset];
    let server = Server::start(vec![reset; 20]);
    let endpoint = format!("https://{}", server.listening);
    let arguments = [
        "reboot",
        "--yes",
        "--no-preflight",
        "-o",
        "json",
        "--ca-file",
        ca.to_str().unwrap(),
        IDS[0],
    ];
    let report = ecsctl(&arguments, &options(&endpoint, "p1", "t1"))
        .expect(1)
        .json();
    assert_eq!(outcomes(&report), ["not_attempted"]);
    let message = report["servers"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("TLS"), "{message}");
    assert_eq!(server.state().connections, 5);
    assert_eq!(server.state().requests.len(), 0);
}

/// Returns the peak memory of a process, in KiB.
#[cfg(target_os = "linux")]
fn most_memory(process: &Running) -> u64 {
    let status = format!("/proc/{}/status", process.0.id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .strip_suffix("kB")
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Floods the most parallel answers, then holds the process until its memory was read.
#[cfg(target_os = "linux")]
fn flooded(arguments: &[&str], at_once: usize, floods: Vec<Vec<Step>>) -> (u64, Ended, Server) {
    const LIMIT: u64 = 64 * 1024;
    let plays = floods.into_iter().cycle().take(at_once);
    let server = Server::start(plays);
    server.seen.change(|state| state.held = true);
    let options = server.options();
    let arguments = arguments
        .iter()
        .map(|&value| value.to_owned())
        .chain(options);
    let mut process = Running::spawn(arguments);
    server
        .seen
        .wait_until(|state| state.over == at_once && state.requests.len() > at_once);
    let most = most_memory(&process);
    assert!(most < LIMIT, "{most} KiB");
    server.seen.change(|state| state.held = false);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (out, err) = (process.0.stdout.take(), process.0.stderr.take());
    out.unwrap().read_to_string(&mut stdout).unwrap();
    err.unwrap().read_to_string(&mut stderr).unwrap();
    let code = process.wait().code();
    (
        most,
        Ended {
            code,
            stdout,
            stderr,
        },
        server,
    )
}

#[cfg(target_os = "linux")]
fn floods() -> Vec<Vec<Step>> {
    let faults = wire::faults().into_iter();
    let floods: Vec<_> = faults
        .map(|fault| fault.play)
        .filter(|play| play.iter().any(|step| matches!(step, Step::SendForever(_))))
        .collect();
    assert_eq!(floods.len(), 4);
    floods
}

#[cfg(target_os = "linux")]
#[test]
fn endless_answers_to_actions_stay_within_64_mib() {
    let ids: Vec<String> = (1..=5)
        .map(|number| format!("{number:08}-46ca-475e-917e-2563e5a8cd19"))
        .collect();
    let mut arguments = vec![
        "reboot",
        "--yes",
        "--no-preflight",
        "--no-wait",
        "--batch-size",
        "1",
        "-o",
        "json",
    ];
    arguments.extend(ids.iter().map(String::as_str));
    // Sequentially: after a lost answer a run has one request in flight.
    for flood in floods() {
        let (_, ended, server) = flooded(&arguments, 1, vec![flood]);
        let report: Value = ended.expect(3).json();
        assert_eq!(report["summary"]["unknown"], 1);
        assert_eq!(report["summary"]["running"], 4);
        assert_eq!(server.actions(), 5);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn endless_answers_to_queries_stay_within_64_mib() {
    let jobs: Vec<String> = (1..=8).map(|number| format!("job-{number}")).collect();
    let mut arguments = vec!["job", "wait", "-o", "json"];
    arguments.extend(jobs.iter().map(String::as_str));
    let (_, ended, _) = flooded(&arguments, 8, floods());
    ended.expect(0);
}
