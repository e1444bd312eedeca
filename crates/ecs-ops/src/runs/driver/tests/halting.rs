//! Runs that cannot continue, or are stopped.

use std::future::IntoFuture as _;
use std::time::Duration;

use ecs_model::RebootType;
use http::Method;
use tokio::time::Instant;

use crate::scripted::{
    DONE, FLOW_CONTROL, JOB, OUT_OF_REACH, Script, Seen, accepts, client_of, ids, service,
};
use crate::{ClientBuilder, OnUnknown, Report, Stopped};

async fn reboot(builder: ClientBuilder, servers: u128) -> Report {
    let run = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(servers));
    run.batch_size(10).report().await.unwrap()
}

/// Four at a time, and a quota that lets only a few servers through in a minute: a request that waits
/// is not sent.
fn narrow(builder: ClientBuilder) -> ClientBuilder {
    builder.concurrent_submissions(4).servers_per_minute(20)
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_submitting() {
    let body = r#"{"error":{"code":"Common.0013","message":"Invalid token."}}"#;
    let (builder, seen) = client_of(vec![Script::Answer(401, body)]);
    let report = reboot(narrow(builder), 50).await;
    assert_eq!(report.summary().not_attempted, 50);
    // Two have room in the quota at once; the others are not sent any more.
    assert!(seen.posts() <= 2, "{}", seen.posts());
    assert_eq!(report.refused.unwrap().code.as_deref(), Some("Common.0013"));
    assert_eq!(report.stopped, None);
    let last = report.servers[49].outcome.error().unwrap();
    assert!(
        last.message.contains("another request was refused"),
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_service_is_not_tried_for_every_request() {
    let (builder, seen) = client_of(vec![OUT_OF_REACH]);
    let report = reboot(narrow(builder), 1000).await;
    assert_eq!(report.summary().not_attempted, 1000);
    // Two requests, five attempts each at most.
    assert!(seen.posts() <= 10, "{}", seen.posts());
    assert_eq!(report.stopped, None);
    let last = report.servers[999].outcome.error().unwrap();
    assert!(last.message.contains("cannot be reached"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn jobs_that_may_not_be_polled_end_the_submitting() {
    let (builder, seen) = service(|request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(403, r#"{"error":{"code":"Pdp.0001","message":"no"}}"#),
    });
    let began = Instant::now();
    let report = reboot(builder.concurrent_submissions(1).servers_per_minute(10), 50).await;
    let summary = report.summary();
    assert_eq!((summary.running, summary.not_attempted), (10, 40));
    assert_eq!(seen.posts(), 1);
    assert!(matches!(report.stopped, Some(Stopped::Denied(_))));
    assert!(began.elapsed() < Duration::from_secs(30));
}

async fn stopped_after(seconds: u64, builder: ClientBuilder, end: bool) -> (Report, Duration) {
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(60)).batch_size(10);
    let run = run.begin().await.unwrap();
    let control = run.control();
    let began = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if end {
            control.end()
        } else {
            control.stop_submitting()
        }
    };
    let (report, ()) = futures_util::future::join(run.into_future(), stop).await;
    (report, began.elapsed())
}

/// A run that is stopped submits nothing more, whatever it waits for.
#[tokio::test(start_paused = true)]
async fn stopping_while_waiting() {
    let slow =
        Script::AnswerWithHeaders(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "900")]);
    let cases: [(&str, ClientBuilder, Seen, usize); 3] = {
        let (quota, quota_seen) = client_of(vec![Script::Answer(200, JOB)]);
        let (throttle, throttle_seen) = client_of(vec![slow.clone()]);
        let (backoff, backoff_seen) = client_of(vec![Script::Answer(200, JOB), OUT_OF_REACH]);
        [
            ("quota", quota.servers_per_minute(10), quota_seen, 1),
            (
                "throttle",
                throttle.concurrent_submissions(1),
                throttle_seen,
                1,
            ),
            (
                "backoff",
                backoff.concurrent_submissions(1),
                backoff_seen,
                99,
            ),
        ]
    };
    for (case, builder, seen, posts) in cases {
        let (report, elapsed) = stopped_after(5, builder, false).await;
        assert!(elapsed < Duration::from_secs(20), "{case}: {elapsed:?}");
        assert!(seen.posts() <= posts, "{case}: {}", seen.posts());
        assert_eq!(
            report.stopped,
            Some(Stopped::Requested { reason: None }),
            "{case}"
        );
        assert!(report.summary().not_attempted >= 50, "{case}");
        let after = seen.posts();
        tokio::time::sleep(Duration::from_secs(1000)).await;
        assert_eq!(seen.posts(), after, "{case}: something was left behind");
    }
}

/// The end comes at once, and what was accepted is running.
#[tokio::test(start_paused = true)]
async fn ending_at_once() {
    let (builder, _) = service(|request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    let (report, elapsed) = stopped_after(5, builder.servers_per_minute(20), true).await;
    assert_eq!(elapsed, Duration::from_secs(5));
    let summary = report.summary();
    assert_eq!((summary.running, summary.not_attempted), (20, 40));
    assert_eq!(report.stopped, Some(Stopped::Requested { reason: None }));
}

/// A run that is dropped leaves nothing behind: no request, no share of the quota unless something
/// may be counted.
#[tokio::test(start_paused = true)]
async fn dropping_a_run() {
    // (what the first request does, how long the next run must wait for the quota)
    let minute = Duration::from_secs(60);
    let hang = |armed, sent| Script::Hang { armed, sent };
    for (does, wait) in [
        (hang(true, false), Duration::ZERO),
        (hang(true, true), minute),
        (hang(false, false), minute),
        (OUT_OF_REACH, Duration::ZERO),
    ] {
        let first = does.clone();
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST if number == 0 => first.clone(),
            Method::POST => Script::Answer(200, JOB),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.servers_per_minute(10).build().unwrap();
        let run = client
            .reboot(RebootType::Soft, ids(10))
            .begin()
            .await
            .unwrap();
        let cut = tokio::time::timeout(Duration::from_micros(1), run.into_future());
        assert!(cut.await.is_err(), "{does:?}");
        assert_eq!(seen.posts(), 1);
        let dropped = Instant::now();
        let next = client.start(ids(10)).report().await.unwrap();
        assert_eq!(next.summary().succeeded, 10);
        let sent = seen.times(Method::POST)[1];
        assert_eq!((sent - dropped).as_secs(), wait.as_secs(), "{does:?}");
    }
}

/// Five wrong signatures in a row lock a key: until the credentials are known to be good, one
/// request is underway at a time, and one refusal is enough.
#[tokio::test(start_paused = true)]
async fn wrong_signatures_are_not_repeated() {
    let wrong = r#"{"error_code":"APIGW.0301","error_msg":"verify ak sk signature fail"}"#;
    for reconcile in [false, true] {
        let (builder, seen) = service(move |_, _| Script::Answer(401, wrong));
        let client = builder.build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(100)).batch_size(10);
        let run = run.on_unknown(OnUnknown::of(reconcile, false));
        let report = run.report().await.unwrap();
        assert_eq!(report.summary().not_attempted, 100);
        assert!(report.refused.is_some());
        assert_eq!(seen.posts() + seen.count(Method::GET), 1, "{reconcile}");
    }
    // The credentials are good at first, and refused for the polls of fifty jobs.
    let (builder, seen) = service(move |request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(401, wrong),
    });
    let report = reboot(builder.concurrent_queries(1), 500).await;
    assert_eq!(report.summary().running, 500);
    // A single odd answer is not the end, but all jobs together have three.
    assert_eq!(seen.count(Method::GET), 3);
}

/// The request is sent once more, and never again.
#[tokio::test(start_paused = true)]
async fn resubmitting_once() {
    for reconcile in [false, true] {
        let (builder, seen) = service(|request, _| match *request.method() {
            Method::POST => Script::Answer(503, ""),
            _ => Script::Answer(200, r#"{"servers":[]}"#),
        });
        let client = builder.build().unwrap();
        let run = client
            .reboot(RebootType::Soft, ids(10))
            .on_unknown(OnUnknown::of(reconcile, true));
        let report = run.report().await.unwrap();
        assert_eq!(
            (report.summary().unknown, seen.posts()),
            (10, 2),
            "{reconcile}"
        );
        let (builder, seen) = client_of(vec![Script::Answer(503, ""), Script::Answer(200, JOB)]);
        let client = builder.build().unwrap();
        let run = client
            .reboot(RebootType::Soft, ids(10))
            .on_unknown(OnUnknown::Resubmit);
        let report = run.report().await.unwrap();
        assert_eq!((report.summary().succeeded, seen.posts()), (10, 2));
        // Not without being asked to, and not when nothing more is to be sent.
        let (builder, seen) = client_of(vec![Script::Answer(503, "")]);
        let report = reboot(builder, 10).await;
        assert_eq!((report.summary().unknown, seen.posts()), (10, 1));
    }
}

/// A run that is stopped while a request is underway sends nothing again, and reports nothing else.
#[tokio::test(start_paused = true)]
async fn a_stop_before_the_outcome_is_unknown() {
    let hang = Script::Hang {
        armed: true,
        sent: true,
    };
    let (builder, seen) = client_of(vec![hang]);
    let client = builder.build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(10))
        .on_unknown(OnUnknown::Resubmit);
    let run = run.begin().await.unwrap();
    let mut events = run.events();
    let control = run.control();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        control.stop_submitting();
    };
    let (report, ()) = futures_util::future::join(run.into_future(), stop).await;
    assert_eq!((report.summary().unknown, seen.posts()), (10, 1));
    while let Some(event) = events.next().await {
        let resubmitting = matches!(event, crate::Event::Resubmitting { .. });
        assert!(!resubmitting);
    }
}

/// Requests that don't divide the quota would waste a part of each minute.
#[tokio::test(start_paused = true)]
async fn batches_divide_the_quota() {
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    // (servers, servers of a request, the largest request)
    for (servers, asked, size) in [
        (20_000, 100, 100),
        (20_000, 300, 250),
        (20_000, 501, 500),
        (20_000, 1000, 1000),
        (20_000, 1, 1),
        // Few enough for one minute: nothing is wasted.
        (900, 501, 501),
    ] {
        let run = client
            .reboot(RebootType::Soft, ids(servers))
            .batch_size(asked);
        let plan = run.plan().unwrap();
        assert_eq!(plan.requests()[0].len(), size, "{servers} {asked}");
    }
}
