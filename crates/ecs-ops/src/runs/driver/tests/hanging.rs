//! Servers that hang in their soft restart: a hard one follows on evidence from job and server only.

use std::sync::Arc;
use std::time::Duration;

use ecs_model::RebootType;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::journal::{Entry, MemoryJournal, Record, Recovered};
use crate::scripted::{Script, Seen, THROTTLED, accepts, asked_job, ids, outcome_of, service};
use crate::{Client, Event, Outcome, RunBuilder, Stopped};

const MINUTE: Duration = Duration::from_secs(60);
const REFUSED: &str = r#"{"error":{"code":"Pdp.0001","message":"no"}}"#;

/// The behaviour of the service after this number of minutes.
type Poll = fn(u64) -> Option<Script>;

fn says(body: &Value) -> Script {
    Script::AnswerWithHeaders(200, body.to_string(), Vec::new())
}

fn job(status: &str) -> Script {
    let entities = json!({"server_id": ids(1)[0]});
    let sub = json!({"status": status, "entities": entities});
    says(&json!({"status": status, "entities": {"sub_jobs": [sub]}}))
}

fn server(status: &str, task: &str, updated: &str) -> Value {
    json!({"id": ids(1)[0], "status": status, "OS-EXT-STS:task_state": task, "updated": updated})
}

fn shows(status: &str, task: &str, updated: &str) -> Script {
    says(&json!({"count": 1, "servers": [server(status, task, updated)]}))
}

fn hangs() -> Script {
    shows("REBOOT", "reboot_started", "2026-01-01T00:00:00Z")
}

/// A service whose first job runs for ever and whose server hangs, unless `polls` and `lists` do
/// something else.
fn hanging(polls: Poll, lists: Poll) -> (Client, Seen) {
    let began = Instant::now();
    let (builder, seen) = service(move |request, number| {
        let minute = began.elapsed().as_secs() / 60;
        let path = request.uri().path();
        if request.method() == Method::POST {
            accepts(number)
        } else if path.contains("/jobs/") {
            let first = asked_job(request) == "job-0";
            let usual = || job(if first { "RUNNING" } else { "SUCCESS" });
            polls(minute).filter(|_| first).unwrap_or_else(usual)
        } else if path.ends_with("/detail") {
            lists(minute).unwrap_or_else(hangs)
        } else {
            // A single server.
            match lists(minute) {
                None => says(
                    &json!({"server": server("REBOOT", "reboot_started", "2026-01-01T00:00:00Z")}),
                ),
                Some(Script::AnswerWithHeaders(200, body, _)) => {
                    let body: Value = serde_json::from_str(&body).unwrap();
                    says(&json!({"server": body["servers"][0]}))
                }
                Some(other) => other,
            }
        }
    });
    (builder.build().unwrap(), seen)
}

fn soft(client: &Client) -> RunBuilder {
    let run = client.reboot(RebootType::Soft, ids(1));
    run.escalate_hang(30 * MINUTE).deadline(180 * MINUTE)
}

fn kinds(seen: &Seen) -> Vec<String> {
    let kind = |request: &Request<bytes::Bytes>| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        body["reboot"]["type"].as_str().unwrap().to_owned()
    };
    seen.requests(Method::POST).iter().map(kind).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_for_half_an_hour_is_restarted_hard() {
    let (client, seen) = hanging(|_| None, |_| None);
    let journal = Arc::new(MemoryJournal::default());
    let run = soft(&client)
        .journal(Arc::clone(&journal))
        .begin()
        .await
        .unwrap();
    let mut reader = run.events();
    let report = run.await;
    assert_eq!(outcome_of(&report).0, "succeeded");
    assert_eq!(report.stopped, None);
    assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
    let times = seen.times(Method::POST);
    let waited = times[1] - times[0];
    assert!(waited >= 30 * MINUTE && waited < 42 * MINUTE, "{waited:?}");
    let first = report.servers[0].escalated.as_ref().unwrap();
    for part in ["hangs", "REBOOT", "reboot_started", "2026-01-01T00:00:00Z"] {
        assert!(first.message.contains(part), "{first}");
    }
    let mut escalated = 0;
    while let Some(event) = reader.next().await {
        escalated += usize::from(matches!(event, Event::Escalating { .. }));
    }
    assert_eq!(escalated, 1);
    // It is in the journal before the hard restart is announced.
    let records: Vec<_> = journal
        .entries()
        .into_iter()
        .map(|entry| entry.record)
        .collect();
    let escalating = |record: &Record| matches!(record, Record::Escalating { .. });
    let at = records.iter().position(escalating).unwrap();
    let second = |record: &Record| matches!(record, Record::Intent { request: 2, .. });
    assert!(at < records.iter().position(second).unwrap());
}

/// The job of the hard restart takes its time, and is waited for.
#[tokio::test(start_paused = true)]
async fn the_hard_restart_is_waited_for() {
    let began = Instant::now();
    let (builder, seen) = service(move |request, number| {
        let path = request.uri().path();
        match *request.method() {
            Method::POST => accepts(number),
            _ if path.contains("/jobs/") => {
                let hard = asked_job(request) != "job-0";
                let ends = began.elapsed() > 50 * MINUTE;
                job(if hard && ends { "SUCCESS" } else { "RUNNING" })
            }
            _ if path.ends_with("/detail") => hangs(),
            _ => {
                says(&json!({"server": server("REBOOT", "reboot_started", "2026-01-01T00:00:00Z")}))
            }
        }
    });
    let report = soft(&builder.build().unwrap()).report().await.unwrap();
    assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
    assert_eq!(outcome_of(&report).0, "succeeded");
    assert_eq!(report.stopped, None);
    assert!(began.elapsed() > 50 * MINUTE);
}

/// A process that dies after it decided: the next one sends the hard restart, once.
#[tokio::test(start_paused = true)]
async fn a_resumed_run_restarts_hanging_servers_hard() {
    let (client, seen) = hanging(|_| None, |_| None);
    let journal = Arc::new(MemoryJournal::default());
    let report = soft(&client)
        .journal(Arc::clone(&journal))
        .report()
        .await
        .unwrap();
    assert_eq!(outcome_of(&report).0, "succeeded");
    let entries = journal.entries();
    let escalating = |entry: &Entry| matches!(entry.record, Record::Escalating { .. });
    let at = entries.iter().position(escalating).unwrap();
    // Before it was decided, after that, and at the end.
    for (kept, sent) in [(at, 1), (at + 1, 1), (entries.len(), 0)] {
        let cut = entries[..kept].to_vec();
        let recovered = Recovered::from_entries(cut.clone()).unwrap();
        let before = kinds(&seen).len();
        let resumed = client.resume(MemoryJournal::new(cut), recovered).unwrap();
        let run = resumed.deadline(180 * MINUTE).begin().await.unwrap();
        let report = run.await;
        let posts = kinds(&seen).split_off(before);
        assert!(posts.iter().all(|kind| kind == "HARD"), "{kept}: {posts:?}");
        assert_eq!(posts.len(), sent, "{kept}");
        assert_eq!(outcome_of(&report).0, "succeeded", "{kept}: {report:?}");
    }
}

/// A failure, or a read that shows something else, never leads to a second restart.
#[tokio::test(start_paused = true)]
async fn an_interrupted_hang_is_no_evidence() {
    let table: [(&str, Poll, Poll); 9] = [
        (
            "lists are refused",
            |_| None,
            |_| Some(Script::Answer(403, REFUSED)),
        ),
        ("lists are throttled", |_| None, |_| Some(THROTTLED)),
        (
            "lists fail",
            |_| None,
            |_| Some(Script::Answer(502, "<html>")),
        ),
        (
            "a cache answers",
            |_| None,
            |_| {
                let shown = server("REBOOT", "reboot_started", "2026-01-01T00:00:00Z");
                let body = json!({"count": 1, "servers": [shown]}).to_string();
                Some(Script::AnswerWithHeaders(200, body, vec![("age", "100")]))
            },
        ),
        (
            "polls are refused",
            |minute| (minute > 2).then_some(THROTTLED),
            |_| None,
        ),
        (
            "polls fail",
            |minute| (minute > 2).then_some(Script::Answer(503, "")),
            |_| None,
        ),
        (
            "the task changes",
            |_| None,
            |minute| {
                let task = ["rebooting", "reboot_started"][usize::from(minute % 40 > 20)];
                Some(shows("REBOOT", task, "2026-01-01T00:00:00Z"))
            },
        ),
        (
            "the server changes",
            |_| None,
            |minute| {
                let updated = format!("2026-01-01T0{}:00:00Z", minute / 25);
                Some(shows("REBOOT", "reboot_started", &updated))
            },
        ),
        (
            "it is back now and then",
            |_| None,
            |minute| (minute % 20 < 4).then(|| shows("ACTIVE", "", "2026-01-01T00:00:00Z")),
        ),
    ];
    for (name, polls, lists) in table {
        let (client, seen) = hanging(polls, lists);
        let report = soft(&client).report().await.unwrap();
        assert_eq!(kinds(&seen), ["SOFT"], "{name}");
        let outcome = &report.servers[0].outcome;
        assert!(
            matches!(outcome, Outcome::Running { .. }),
            "{name}: {outcome:?}"
        );
    }
}

/// Without the option nothing is read, and a job that does not end stalls.
#[tokio::test(start_paused = true)]
async fn a_hang_is_only_escalated_on_request() {
    let (client, seen) = hanging(|_| None, |_| None);
    let run = client.reboot(RebootType::Soft, ids(1));
    let report = run.escalate_after(5 * MINUTE).report().await.unwrap();
    assert_eq!(kinds(&seen), ["SOFT"]);
    assert_eq!(report.stopped, Some(Stopped::Stalled));
}

#[tokio::test]
async fn limits_that_cannot_work_are_refused() {
    let (client, _) = hanging(|_| None, |_| None);
    let wrong = |run: RunBuilder| run.plan().unwrap_err().to_string();
    let short = wrong(
        client
            .reboot(RebootType::Soft, ids(1))
            .escalate_hang(29 * MINUTE),
    );
    assert!(short.contains("at least 30 minutes"), "{short}");
    let stalled = wrong(soft(&client).stalled_after(30 * MINUTE));
    assert!(stalled.contains("must exceed the hang limit"), "{stalled}");
    assert!(soft(&client).stalled_after(31 * MINUTE).plan().is_ok());
    let hard = wrong(
        client
            .reboot(RebootType::Hard, ids(1))
            .escalate_hang(30 * MINUTE),
    );
    assert!(hard.contains("only a soft restart"), "{hard}");
}
