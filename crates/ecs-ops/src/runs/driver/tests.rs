//! Whole runs under a scripted transport: their ends, events and reports.

mod escalating;
mod halting;
mod hanging;
mod hard_cases;
mod last_records;
mod lending;
mod naming;
mod odd_polls;
mod outages;
mod panics;
mod pauses;
mod rechecking;
mod refusals;
mod repeated_answers;
mod stopping;
mod tickets;
mod watching;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::RebootType;
use ecs_transport::{Delivery, FnTransport, TransportError, TransportErrorKind};

use crate::scripted::{
    DONE, JOB, NOT_VALID, Script, THROTTLED, TOKEN, answer, client_of, endpoint, ids, outcome_of,
};
use crate::{Client, Outcome, Stopped};

/// The mark decides the outcome of an attempt that a deadline or an end interrupts.
#[tokio::test(start_paused = true)]
async fn a_cancelled_run_reports_the_requests_that_it_sent() {
    let table = [
        (
            Script::Hang {
                armed: true,
                sent: true,
            },
            "unknown",
            "underway",
        ),
        (
            Script::Hang {
                armed: false,
                sent: false,
            },
            "unknown",
            "underway",
        ),
        (
            Script::Hang {
                armed: true,
                sent: false,
            },
            "not_attempted",
            "not sent",
        ),
        (THROTTLED, "not_attempted", "HTTP 429"),
    ];
    for (does, expected, message) in table {
        let (builder, _) = client_of(vec![does.clone()]);
        let client = builder.build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(4)).batch_size(2);
        let run = run
            .deadline(std::time::Duration::from_secs(30))
            .begin()
            .await
            .unwrap();
        let start = tokio::time::Instant::now();
        let report = run.await;
        assert_eq!(start.elapsed().as_secs(), 30, "{does:?}");
        assert_eq!(report.stopped, Some(Stopped::Deadline));
        let (outcome, text) = outcome_of(&report);
        assert_eq!(outcome, expected, "{does:?}");
        assert!(text.contains(message), "{does:?}: {text}");
        assert_eq!(report.servers.len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_submitting() {
    // The first request is accepted, the second is throttled for ever.
    let (builder, posts) = client_of(vec![Script::Answer(200, JOB), THROTTLED]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(6))
        .batch_size(2)
        .begin()
        .await
        .unwrap();
    let control = run.control();
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        control.stop_submitting();
    };
    let (report, ()) = futures_util::future::join(run.into_future(), stop).await;
    let names: Vec<_> = report
        .servers
        .iter()
        .map(|server| server.outcome.name())
        .collect();
    // The accepted request is polled to its end.
    assert_eq!(
        names,
        [
            "succeeded",
            "succeeded",
            "not_attempted",
            "not_attempted",
            "not_attempted",
            "not_attempted"
        ]
    );
    assert_eq!(report.stopped, Some(Stopped::Requested { reason: None }));
    assert!(posts.posts() >= 2);
}

#[tokio::test(start_paused = true)]
async fn jobs_without_a_wait_are_running() {
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let report = client
        .reboot(RebootType::Soft, ids(2))
        .no_wait()
        .report()
        .await
        .unwrap();
    assert!(matches!(report.servers[0].outcome, Outcome::Running { .. }));
    assert_eq!(report.stopped, None);
}

/// The wait continues after any failure of a poll.
#[tokio::test(start_paused = true)]
async fn failed_queries_do_not_end_a_wait() {
    let gets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&gets);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, _| {
        let number = match request.method() {
            &http::Method::POST => None,
            _ => Some(counted.fetch_add(1, Ordering::SeqCst)),
        };
        async move {
            let faults = [
                Ok(answer(500, "")),
                Ok(answer(502, "<html>")),
                Ok(answer(429, "")),
                Ok(answer(
                    202,
                    r#"{"error":{"code":"Common.0024","message":"slow"}}"#,
                )),
                Err(TransportError::new(
                    TransportErrorKind::Closed,
                    Delivery::MaybeSent,
                )),
                Err(TransportError::new(
                    TransportErrorKind::Connect,
                    Delivery::NotSent,
                )),
                Ok(answer(200, "")),
                Ok(answer(200, "{\"status\":")),
            ];
            let kinds = faults.len();
            match number {
                None => Ok(answer(200, JOB)),
                // New jobs are unknown for a moment.
                Some(0) => Ok(answer(400, r#"{"code":"Common.0011","message":"unknown"}"#)),
                Some(number) if number < 3 * kinds => {
                    faults.into_iter().nth(number % kinds).unwrap()
                }
                Some(_) => Ok(answer(200, DONE)),
            }
        }
    });
    let client = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(3)
        .build()
        .unwrap();
    let report = client
        .reboot(RebootType::Soft, ids(2))
        .report()
        .await
        .unwrap();
    assert_eq!(report.summary().succeeded, 2);
    assert!(gets.load(Ordering::SeqCst) > 24);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_reported() {
    let (builder, _) = client_of(vec![Script::Answer(401, NOT_VALID)]);
    let client = builder.build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(2))
        .begin()
        .await
        .unwrap();
    let mut events = run.events();
    let mut reported = format!("{client:?} {run:?}");
    let report = run.await;
    while let Some(event) = events.next().await {
        reported.push_str(&format!(
            "{event:?} {}",
            serde_json::to_string(&event).unwrap()
        ));
    }
    reported.push_str(&format!(
        "{report:?} {}",
        serde_json::to_string(&report).unwrap()
    ));
    assert!(!reported.contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn all_mistakes_of_a_run_are_reported_before_anything_is_sent() {
    let (builder, posts) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let mut servers = ids(2);
    servers.extend(ids(1));
    let error = client
        .reboot(RebootType::Soft, servers)
        .batch_size(0)
        .begin()
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("given twice (as number 1 and 3)") && message.contains("batch size"),
        "{message}"
    );
    let error = client.start([]).begin().await.unwrap_err();
    assert!(error.to_string().contains("no server"));
    assert_eq!(posts.posts(), 0);
}
