//! The only second restart: hard, once, after a soft one that is known to have ended badly.

use std::time::Duration;

use ecs_model::RebootType;
use ecs_transport::{Delivery, TransportErrorKind};
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::scripted::{Script, Seen, THROTTLED, accepts, asked_job, ids, outcome_of, service};
use crate::{ClientBuilder, Event, OnUnknown, Report, RunBuilder};

const MINUTE: Duration = Duration::from_secs(60);

/// The behaviour of the service.
struct Plot {
    /// To the second request, if not to take it.
    second: Option<Script>,
    /// To the first one, if not to take it.
    first: Option<Script>,
    /// The end of the jobs of the first and the second request: `None` runs for ever.
    jobs: [Option<&'static str>; 2],
    /// The state of the server after each of them.
    shows: [&'static str; 2],
}

const PLOT: Plot = Plot {
    second: None,
    first: None,
    jobs: [Some("FAIL"), Some("SUCCESS")],
    shows: ["ACTIVE", "ACTIVE"],
};

fn says(body: &Value) -> Script {
    Script::AnswerWithHeaders(200, body.to_string(), Vec::new())
}

fn play(plot: Plot) -> (ClientBuilder, Seen) {
    let server = ids(1)[0].to_string();
    let posts = std::sync::atomic::AtomicUsize::new(0);
    service(move |request, number| {
        if request.method() == Method::POST {
            posts.store(number + 1, std::sync::atomic::Ordering::SeqCst);
            let special = match number {
                0 => plot.first.clone(),
                _ => plot.second.clone(),
            };
            return special.unwrap_or_else(|| accepts(number));
        }
        if request.uri().path().contains("/jobs/") {
            let which = usize::from(asked_job(request) != "job-0");
            let status = plot.jobs[which].unwrap_or("RUNNING");
            let entities =
                json!({"server_id": server, "errorcode_message": "it did not come back"});
            let sub = json!({"status": status, "entities": entities});
            return says(&json!({"status": status, "entities": {"sub_jobs": [sub]}}));
        }
        let which = posts.load(std::sync::atomic::Ordering::SeqCst).clamp(1, 2) - 1;
        let shown =
            json!({"id": server, "status": plot.shows[which], "updated": "2026-01-01T00:00:00Z"});
        says(&json!({"count": 1, "servers": [shown]}))
    })
}

fn soft(builder: ClientBuilder) -> RunBuilder {
    // The clock on the wall, on paused time.
    let client = builder.epoch(jiff::Timestamp::UNIX_EPOCH).build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(1));
    run.escalate_after(5 * MINUTE).deadline(60 * MINUTE)
}

fn kinds(seen: &Seen) -> Vec<String> {
    let kind = |request: &Request<bytes::Bytes>| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        body["reboot"]["type"].as_str().unwrap().to_owned()
    };
    seen.requests(Method::POST).iter().map(kind).collect()
}

async fn run(run: RunBuilder) -> (Report, Vec<Event>) {
    let run = run.begin().await.unwrap();
    let mut reader = run.events();
    let report = run.await;
    let mut events = Vec::new();
    while let Some(event) = reader.next().await {
        events.push(event);
    }
    (report, events)
}

#[tokio::test(start_paused = true)]
async fn a_failed_part_is_tried_hard_at_once() {
    let (builder, seen) = play(PLOT);
    let (report, events) = run(soft(builder)).await;
    assert_eq!(outcome_of(&report).0, "succeeded");
    let first = report.servers[0].escalated.as_ref().unwrap();
    assert!(first.message.contains("it did not come back"), "{first}");
    assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
    assert!(seen.times(Method::POST)[1] - seen.times(Method::POST)[0] < 5 * MINUTE);
    let servers = ids(1);
    assert!(events.contains(&Event::Escalating { servers }));
    assert_eq!(report.jobs.len(), 2);
    // The ticket of the second one is of a hard restart.
    let ticket = serde_json::to_value(&report.jobs[1].ticket).unwrap();
    assert_eq!(ticket["type"], "HARD", "{ticket}");
}

/// Its job succeeded, and it does not come back: not before the time is over.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_back_is_tried_hard_when_its_time_is_over() {
    let (builder, seen) = play(Plot {
        jobs: [Some("SUCCESS"), Some("SUCCESS")],
        shows: ["REBOOT", "ACTIVE"],
        ..PLOT
    });
    let began = Instant::now();
    let (report, _) = run(soft(builder).verify(30 * MINUTE)).await;
    assert_eq!(outcome_of(&report).0, "succeeded", "{report:#?}");
    let first = report.servers[0].escalated.as_ref().unwrap();
    assert!(
        first.message.contains("but its status is REBOOT"),
        "{first}"
    );
    assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
    let second = seen.times(Method::POST)[1] - began;
    assert!(second >= 5 * MINUTE && second < 6 * MINUTE, "{second:?}");
}

/// It has its time, however short the limit of the reads; a broken one needs none.
#[tokio::test(start_paused = true)]
async fn a_server_that_did_not_settle_or_is_broken_is_tried_hard() {
    for (shows, at_once) in [("REBOOT", false), ("ERROR", true)] {
        let (builder, seen) = play(Plot {
            jobs: [Some("SUCCESS"), Some("SUCCESS")],
            shows: [shows, shows],
            ..PLOT
        });
        let (report, _) = run(soft(builder).verify(MINUTE)).await;
        // And it did not help.
        assert_eq!(outcome_of(&report).0, "failed", "{report:#?}");
        assert!(report.servers[0].escalated.is_some());
        assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
        let times = seen.times(Method::POST);
        assert_eq!(times[1] - times[0] < 5 * MINUTE, at_once, "{shows}");
    }
}

/// One of its sub-jobs failed, and another one runs: the server may still be restarting.
#[tokio::test(start_paused = true)]
async fn a_server_with_a_running_sub_job_is_not_restarted_hard() {
    let part = |status: &str| {
        let entities = json!({"server_id": ids(1)[0].to_string()});
        json!({"status": status, "entities": entities})
    };
    let parts = |one: &str, other: &str| json!({"sub_jobs": [part(one), part(other)]});
    let itself = json!({"server_id": ids(1)[0].to_string(), "sub_jobs": [part("RUNNING")]});
    for (status, entities, expected) in [
        ("RUNNING", parts("FAIL", "RUNNING"), &["SOFT"][..]),
        ("FAIL", parts("FAIL", "RUNNING"), &["SOFT"]),
        ("FAIL", itself, &["SOFT"]),
        ("RUNNING", parts("FAIL", "SUCCESS"), &["SOFT", "HARD"]),
    ] {
        let (builder, seen) = service(move |request, number| {
            if request.method() == Method::POST {
                return accepts(number);
            }
            if asked_job(request) == "job-0" {
                says(&json!({"status": status, "entities": entities}))
            } else {
                says(&json!({"status": "SUCCESS"}))
            }
        });
        let (report, _) = run(soft(builder)).await;
        let outcome = if expected.len() == 2 {
            "succeeded"
        } else {
            "failed"
        };
        assert_eq!(outcome_of(&report).0, outcome, "{report:#?}");
        assert_eq!(kinds(&seen), expected, "{status}");
    }
}

/// No evidence that the first one ended badly: no second one.
#[tokio::test(start_paused = true)]
async fn without_evidence_there_is_no_second_restart() {
    let lost = Script::Fail(TransportErrorKind::Timeout, Delivery::MaybeSent);
    let refused = Script::Answer(400, r#"{"error":{"code":"Ecs.0005","message":"no"}}"#);
    let table = [
        (PLOT.jobs, None, "running"),
        (PLOT.jobs, Some(lost), "unknown"),
        (PLOT.jobs, Some(refused), "failed"),
        ([Some("SUCCESS"), None], None, "succeeded"),
    ];
    for (mut jobs, first, expected) in table {
        if expected == "running" {
            jobs[0] = None;
        }
        let (builder, seen) = play(Plot {
            jobs,
            first,
            ..PLOT
        });
        let (report, _) = run(soft(builder).verify(MINUTE)).await;
        assert_eq!(outcome_of(&report).0, expected);
        assert_eq!(kinds(&seen), ["SOFT"], "{expected}");
        assert_eq!(report.servers[0].escalated, None);
    }
}

/// Two restarts are all that a server gets, whatever is wanted.
#[tokio::test(start_paused = true)]
async fn never_a_third_restart() {
    // The first is lost and sent again; that one fails.
    let lost = || Script::Fail(TransportErrorKind::Timeout, Delivery::MaybeSent);
    let (builder, seen) = play(Plot {
        first: Some(lost()),
        jobs: [None, Some("FAIL")],
        ..PLOT
    });
    let (report, _) = run(soft(builder).on_unknown(OnUnknown::Resubmit)).await;
    assert_eq!(outcome_of(&report).0, "failed");
    assert_eq!(kinds(&seen), ["SOFT", "SOFT"]);
    // The hard one is lost: that stays unknown, although the server is as it was before the run.
    let (builder, seen) = play(Plot {
        second: Some(lost()),
        ..PLOT
    });
    let all = soft(builder).on_unknown(OnUnknown::ReconcileThenResubmit);
    let (report, _) = run(all).await;
    assert_eq!(outcome_of(&report).0, "unknown", "{report:#?}");
    assert_eq!(kinds(&seen), ["SOFT", "HARD"]);
    assert!(report.servers[0].escalated.is_some());
}

/// A hard restart that is refused, or never gets its turn, leaves the outcome of the soft restart.
#[tokio::test(start_paused = true)]
async fn a_hard_restart_that_was_not_executed_changes_nothing() {
    let refused = Script::Answer(400, r#"{"error":{"code":"Ecs.0005","message":"no"}}"#);
    let throttled = THROTTLED;
    for second in [refused, throttled] {
        let (builder, _) = play(Plot {
            second: Some(second),
            ..PLOT
        });
        let (report, _) = run(soft(builder)).await;
        let (outcome, message) = outcome_of(&report);
        assert_eq!(outcome, "failed");
        assert!(message.contains("it did not come back"), "{message}");
        let job_id = report.servers[0].outcome.job_id().unwrap();
        assert_eq!(
            (job_id.as_str(), &report.servers[0].escalated),
            ("job-0", &None)
        );
    }
}

/// A stopped run makes no hard restart.
#[tokio::test(start_paused = true)]
async fn a_stopped_run_restarts_no_server_hard() {
    let (builder, seen) = play(PLOT);
    let run = soft(builder).begin().await.unwrap();
    run.control().stop_submitting();
    let report = run.await;
    assert_eq!(outcome_of(&report).0, "not_attempted");
    let (builder, posts) = play(PLOT);
    let run = soft(builder).begin().await.unwrap();
    let control = run.control();
    let run = tokio::spawn(std::future::IntoFuture::into_future(run));
    while posts.posts() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    control.stop_submitting();
    let report = run.await.unwrap();
    assert_eq!(outcome_of(&report).0, "failed");
    assert_eq!((kinds(&posts).len(), seen.posts()), (1, 0));
}

/// A restart that failed for lack of a permission, or by throttling, would fail again.
#[tokio::test(start_paused = true)]
async fn a_denied_part_is_not_tried_hard() {
    for (code, expected) in [
        ("Pdp.0001", 1),
        ("Common.1503", 1),
        ("APIGW.0308", 1),
        ("Ecs.0227", 2),
    ] {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ if request.uri().path().contains("/jobs/") => {
                let server = json!({"server_id": ids(1)[0].to_string()});
                let part = json!({"status": "FAIL", "error_code": code, "entities": server});
                says(&json!({"status": "FAIL", "entities": {"sub_jobs": [part]}}))
            }
            _ => says(&json!({"count": 0, "servers": []})),
        });
        let (report, _) = run(soft(builder)).await;
        assert_eq!(outcome_of(&report).0, "failed", "{code}");
        assert_eq!(seen.posts(), expected, "{code}");
    }
}
