//! Waves whose servers are read again before they begin.

mod reads;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_model::{RebootType, ServerId};
use http::Method;
use tokio::time::Instant;

use crate::fleet::{Unready, WaveRecheck};
use crate::journal::{Entry, MemoryJournal, Record, Recovered};
use crate::rolling::{AfterCanary, Rules, StopReason, Waves};
use crate::scripted::{DONE, Script, Seen, accepts, ids, service};
use crate::{Client, Event, Outcome, Report, RunBuilder, Stopped};

const PLANNED: &str = "2026-11-24T01:00:00Z";
const BEFORE: &str = "2026-11-24T00:00:00Z";
const AFTER: &str = "2026-11-24T01:10:00Z";
const NO_SERVER: &str = r#"{"itemNotFound":{"code":404,"message":"no such server"}}"#;

/// The states of servers that differ from the plan.
type Shown = Arc<Mutex<HashMap<ServerId, Script>>>;

fn server(id: ServerId, more: &str, updated: &str) -> Script {
    let body = format!(
        r#"{{"server":{{"id":"{id}","name":"web","status":"ACTIVE","updated":"{updated}"{more}}}}}"#
    );
    Script::AnswerWithHeaders(200, body, Vec::new())
}

fn locked(id: ServerId) -> Script {
    server(id, r#","locked":true"#, BEFORE)
}

/// The list of the project, as in the plan.
fn as_planned() -> Script {
    let ids = ids(6);
    let server = ids
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","status":"ACTIVE","updated":"{BEFORE}"}}"#));
    let servers: Vec<_> = server.collect();
    let body = format!(r#"{{"count":6,"servers":[{}]}}"#, servers.join(","));
    Script::AnswerWithHeaders(200, body, Vec::new())
}

/// A service whose servers are as in the plan, but for these.
fn region(shown: &Shown) -> (Client, Seen) {
    let shown = Arc::clone(shown);
    let (builder, seen) = service(move |request, number| {
        let path = request.uri().path();
        let id = path.rsplit('/').next().unwrap().parse::<ServerId>();
        match (request.method(), id) {
            (&Method::POST, _) => accepts(number),
            (_, Ok(id)) if path.contains("/cloudservers/") => {
                let shown = shown.lock().unwrap();
                let as_planned = || server(id, "", BEFORE);
                shown.get(&id).cloned().unwrap_or_else(as_planned)
            }
            (_, Err(_)) if path.ends_with("/detail") => {
                let listed = shown.lock().unwrap().get(&list()).cloned();
                listed.unwrap_or_else(as_planned)
            }
            _ => Script::Answer(200, DONE),
        }
    });
    (builder.build().unwrap(), seen)
}

/// Stands for the list.
fn list() -> ServerId {
    ServerId::from_bytes([0; 16])
}

/// Six servers in three waves.
fn run(client: &Client, recheck: WaveRecheck) -> RunBuilder {
    let servers = ids(6);
    let waves = Waves::of(servers.chunks(2).map(<[_]>::to_vec).collect());
    let run = client.reboot(RebootType::Soft, servers);
    let run = run.rolling(waves, Rules::default());
    run.recheck_waves(recheck.since(PLANNED.parse().unwrap()))
}

/// The run that this journal holds, resumed.
fn resume(client: &Client, journal: &Arc<MemoryJournal>) -> RunBuilder {
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    client.resume(Arc::clone(journal), recovered).unwrap()
}

/// The servers of the requests.
fn sent(seen: &Seen) -> Vec<usize> {
    let text =
        |request: &http::Request<bytes::Bytes>| String::from_utf8(request.body().to_vec()).unwrap();
    let posts: Vec<_> = seen.requests(Method::POST).iter().map(text).collect();
    let ids = ids(6);
    let names = |post: &&String, id: &ServerId| post.contains(&id.to_string());
    let sent = ids
        .iter()
        .map(|id| posts.iter().filter(|post| names(post, id)).count());
    sent.collect()
}

fn names(report: &Report) -> Vec<&'static str> {
    let servers = report.servers.iter();
    servers.map(|server| server.outcome.name()).collect()
}

const OK: &str = "succeeded";
const NOT: &str = "not_attempted";

#[tokio::test(start_paused = true)]
async fn servers_that_are_not_ready_any_more_are_skipped() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    {
        let mut shown = shown.lock().unwrap();
        // The first wave is not read, and what the run did itself to it is no matter.
        shown.insert(ids[0], server(ids[0], "", AFTER));
        shown.insert(ids[2], Script::Answer(404, NO_SERVER));
        shown.insert(ids[4], server(ids[4], "", AFTER));
        shown.insert(ids[5], locked(ids[5]));
    }
    let journal = Arc::new(MemoryJournal::default());
    let run = run(&client, WaveRecheck::skip()).journal(Arc::clone(&journal));
    let run = run.begin().await.unwrap();
    let mut events = run.events();
    let report = run.await;
    assert_eq!(names(&report), [OK, OK, NOT, OK, NOT, NOT]);
    assert_eq!(sent(&seen), [1, 1, 0, 1, 0, 0]);
    assert_eq!(report.stopped, None);
    let reason: Vec<_> = report.unready.iter().map(|server| &server.reason).collect();
    let changed = Unready::Changed(AFTER.to_owned());
    assert_eq!(reason, [&Unready::Absent, &changed, &Unready::Locked]);
    let Outcome::NotAttempted { error } = &report.servers[5].outcome else {
        panic!("{report:?}");
    };
    let message = "skipped, because it was not ready before wave 3: locked";
    assert_eq!(error.message, message);
    let mut waves = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::WaveRechecked {
                wave,
                unready,
                skipped,
            } => {
                waves.push((wave, unready.len(), skipped));
            }
            Event::WaveBegan { wave, servers, .. } => waves.push((wave, servers, false)),
            _ => {}
        }
    }
    // A wave of which nothing is left does not begin.
    assert_eq!(
        waves,
        [(1, 2, false), (2, 1, true), (2, 1, false), (3, 2, true)]
    );

    // The skipped servers are never sent.
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    assert_eq!(recovered.unsent(), []);
    assert_eq!(names(&recovered.report()), names(&report));
    assert_eq!(recovered.report().unready, report.unready);
    shown.lock().unwrap().clear();
    let resumed = client
        .resume(journal, recovered)
        .unwrap()
        .report()
        .await
        .unwrap();
    assert_eq!(names(&resumed), names(&report));
    assert_eq!(resumed.unready, report.unready);
    assert_eq!(sent(&seen), [1, 1, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_run_stops_before_a_wave_that_is_not_ready() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    shown.lock().unwrap().insert(ids[2], locked(ids[2]));
    let journal = Arc::new(MemoryJournal::default());
    let run = run(&client, WaveRecheck::stop()).journal(Arc::clone(&journal));
    let report = run.report().await.unwrap();
    let reason = StopReason::NotReady {
        wave: 2,
        servers: 1,
        message: "locked".to_owned(),
    };
    let stopped = Some(Stopped::Rolling(reason.clone()));
    assert_eq!(report.stopped, stopped);
    assert_eq!(names(&report), [OK, OK, NOT, NOT, NOT, NOT]);
    let message = |number: usize| report.servers[number].outcome.error().unwrap().to_string();
    assert!(
        message(2).ends_with("before wave 2: locked"),
        "{}",
        message(2)
    );
    assert!(
        message(3).starts_with("not sent: 1 server of wave 2"),
        "{}",
        message(3)
    );
    assert_eq!(report.unready, []);

    // It is still locked: a run that is resumed stops again.
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    assert_eq!(recovered.stopping_rule(), Some(reason));
    let run = client.resume(Arc::clone(&journal), recovered).unwrap();
    let report = run.report().await.unwrap();
    assert_eq!(report.stopped, stopped);
    assert_eq!(sent(&seen), [1, 1, 0, 0, 0, 0]);

    // Skipped on request, by the time of the plan.
    shown
        .lock()
        .unwrap()
        .insert(ids[3], server(ids[3], "", AFTER));
    let run = resume(&client, &journal);
    let report = run
        .recheck_waves(WaveRecheck::skip())
        .report()
        .await
        .unwrap();
    assert_eq!(names(&report), [OK, OK, NOT, NOT, OK, OK]);
    assert_eq!(report.unready.len(), 2);
    assert_eq!(sent(&seen), [1, 1, 0, 0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_ready_again_is_sent_by_the_resumed_run() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    shown.lock().unwrap().insert(ids[2], locked(ids[2]));
    let journal = Arc::new(MemoryJournal::default());
    let run = run(&client, WaveRecheck::stop()).journal(Arc::clone(&journal));
    assert_eq!(run.report().await.unwrap().summary().not_attempted, 4);
    shown.lock().unwrap().clear();
    let run = resume(&client, &journal);
    assert!(run.report().await.unwrap().is_success());
    assert_eq!(sent(&seen), [1; 6]);
}

/// Reads that fail are made again, for a time; a refusal is not.
#[tokio::test(start_paused = true)]
async fn servers_that_cannot_be_read_are_not_sent() {
    let ids = ids(6);
    for (status, body, least, most) in [
        (503, "{}", 540, 620),
        (
            403,
            r#"{"error":{"code":"Ecs.0004","message":"no permission"}}"#,
            0,
            60,
        ),
    ] {
        let shown: Shown = Arc::default();
        let (client, seen) = region(&shown);
        let refused = Script::Answer(status, body);
        shown.lock().unwrap().insert(ids[2], refused.clone());
        shown.lock().unwrap().insert(list(), refused);
        let journal = Arc::new(MemoryJournal::default());
        let began = Instant::now();
        let run = run(&client, WaveRecheck::skip()).journal(Arc::clone(&journal));
        let report = run.report().await.unwrap();
        let Some(Stopped::Rolling(StopReason::NotRead { wave: 2, message })) = &report.stopped
        else {
            panic!("{report:?}");
        };
        assert!(message.contains(&status.to_string()), "{message}");
        assert_eq!(sent(&seen), [1, 1, 0, 0, 0, 0]);
        let took = began.elapsed().as_secs();
        assert!((least..most).contains(&took), "{status}: {took}");

        // No server is lost.
        shown.lock().unwrap().clear();
        let run = resume(&client, &journal);
        assert!(run.report().await.unwrap().is_success());
        assert_eq!(sent(&seen), [1; 6]);
    }
}

/// The rest of a wave that a process began and left is read by the next one before it is sent.
#[tokio::test(start_paused = true)]
async fn the_rest_of_a_wave_is_read_by_the_resumed_run() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    let first = Arc::new(MemoryJournal::default());
    let run = run(&client, WaveRecheck::skip()).journal(Arc::clone(&first));
    let began = |entry: &Entry| matches!(entry.record, Record::WaveBegan { wave: 0 });
    assert!(run.report().await.unwrap().is_success());
    // The process died after the first wave began, before its request.
    let mut entries = first.entries();
    entries.truncate(entries.iter().position(began).unwrap() + 1);
    let journal = Arc::new(MemoryJournal::new(entries));
    shown.lock().unwrap().insert(ids[0], locked(ids[0]));
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    assert_eq!(recovered.unsent().len(), 6);
    let run = client.resume(Arc::clone(&journal), recovered).unwrap();
    let report = run.report().await.unwrap();
    assert_eq!(names(&report), [NOT, OK, OK, OK, OK, OK]);
    assert_eq!(sent(&seen), [1, 2, 2, 2, 2, 2]);
    let entries = journal.entries();
    assert_eq!(entries.iter().filter(|entry| began(entry)).count(), 1);
    Recovered::from_entries(entries).unwrap();
}

/// A canary that is skipped whole stops the run. A resumed run sends the other waves.
#[tokio::test(start_paused = true)]
async fn a_canary_of_which_nothing_is_left() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    let first = Arc::new(MemoryJournal::default());
    let rules = Rules {
        canary: Some(AfterCanary::Pause(Duration::from_secs(60))),
        ..Rules::default()
    };
    let waves = Waves::of(ids.chunks(2).map(<[_]>::to_vec).collect());
    let run = client.reboot(RebootType::Soft, ids.clone());
    let run = run.rolling(waves, rules).journal(Arc::clone(&first));
    let recheck = WaveRecheck::skip().since(PLANNED.parse().unwrap());
    let report = run.recheck_waves(recheck).report().await.unwrap();
    assert!(report.is_success());
    let before = sent(&seen);
    // The process died before the first wave began.
    let journal = Arc::new(MemoryJournal::new(vec![first.entries().remove(0)]));
    {
        let mut shown = shown.lock().unwrap();
        shown.insert(ids[0], locked(ids[0]));
        shown.insert(ids[1], locked(ids[1]));
    }
    let resume = async || {
        let run = resume(&client, &journal);
        run.report().await.unwrap()
    };
    let report = resume().await;
    let stopped = Stopped::Rolling(StopReason::NotReady {
        wave: 1,
        servers: 2,
        message: "locked".to_owned(),
    });
    assert_eq!(report.stopped, Some(stopped));
    assert_eq!(names(&report), [NOT; 6]);
    assert_eq!(sent(&seen), before);
    let report = resume().await;
    assert_eq!(names(&report), [NOT, NOT, OK, OK, OK, OK]);
    assert_eq!(report.stopped, None);
    assert_eq!(sent(&seen), [1, 1, 2, 2, 2, 2]);
    Recovered::from_entries(journal.entries()).unwrap();
}
