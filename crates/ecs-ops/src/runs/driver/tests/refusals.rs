//! Refusals because of some servers, of all, and for a long time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{RebootType, ServerId};
use http::{Method, Request};
use tokio::time::Instant;

use crate::scripted::{DONE, Script, accepts, client_of, ids, service};
use crate::{Event, Outcome, Report, Stopped};

/// Answers that prove that nothing was executed, and whose reason can be one server.
const ONE_SERVER: &[(u16, &str)] = &[
    (
        404,
        r#"{"itemNotFound":{"message":"Instance could not be found.","code":404}}"#,
    ),
    (
        409,
        r#"{"conflictingRequest":{"message":"Cannot 'reboot' instance","code":409}}"#,
    ),
    (
        400,
        r#"{"error":{"code":"Ecs.0947","message":"The server is being recovered."}}"#,
    ),
    (
        400,
        r#"{"error":{"code":"Ecs.0114","message":"no such server"}}"#,
    ),
    (
        412,
        r#"{"error":{"code":"Ecs.0947","message":"The server is not in the right state."}}"#,
    ),
    (
        403,
        r#"{"error":{"code":"Pdp.0001","message":"Policy does not allow it."}}"#,
    ),
    (
        403,
        r#"{"forbidden":{"message":"Policy does not allow it.","code":403}}"#,
    ),
];

fn names(request: &Request<Bytes>, id: ServerId) -> bool {
    String::from_utf8_lossy(request.body()).contains(&id.to_string())
}

async fn reboot(builder: crate::ClientBuilder, servers: u128) -> Report {
    let run = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(servers));
    run.batch_size(16).report().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_server_does_not_stop_the_others() {
    for &(status, body) in ONE_SERVER {
        let bad = ids(6)[5];
        let accepted: Arc<Mutex<HashMap<ServerId, usize>>> = Arc::default();
        let log = Arc::clone(&accepted);
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST if names(request, bad) => Script::Answer(status, body),
            Method::POST => {
                let sent = ids(32).into_iter().filter(|id| names(request, *id));
                sent.for_each(|id| *log.lock().unwrap().entry(id).or_default() += 1);
                accepts(number)
            }
            _ => Script::Answer(200, DONE),
        });
        let report = reboot(builder, 32).await;
        assert_eq!(report.summary().succeeded, 31, "{body}");
        assert!(accepted.lock().unwrap().values().all(|times| *times == 1));
        assert!(seen.posts() <= 2 + 8, "{body}: {} requests", seen.posts());
        let outcome = report.outcome(bad).unwrap();
        let refused = matches!(
            outcome,
            Outcome::Failed { job_id: None, .. } | Outcome::NotAttempted { .. }
        );
        assert!(refused, "{outcome:?}");
        // Only a permission leaves it without a fault of its own.
        assert_eq!(outcome.name() == "not_attempted", status == 403, "{body}");
        assert_eq!(report.refused.is_some(), status == 403, "{body}");
        assert_eq!(report.stopped, None);
    }
}

/// A refusal that names its server, in whichever place and with whichever status, is about that
/// server.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_named_is_taken_out() {
    let bad = ids(32)[10];
    for (status, body) in [
        (
            406,
            r#"{"error":{"code":"Ecs.0947","message":"server ID"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":"Ecs.0005","message":"invalid","details":[{"code":"x","message":"server ID"}]}}"#,
        ),
    ] {
        let body = body.replace("ID", &bad.to_string());
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST if names(request, bad) => {
                Script::AnswerWithHeaders(status, body.clone(), Vec::new())
            }
            Method::POST => accepts(number),
            _ => Script::Answer(200, DONE),
        });
        let report = reboot(builder, 32).await;
        assert_eq!(report.summary().succeeded, 31, "{status}");
        // Two at first, then the server alone and the others of its request.
        assert_eq!(seen.posts(), 4, "{status}");
    }
}

/// Few requests, whatever the size of the run, and the reason is given.
#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_everything() {
    for &(status, body) in ONE_SERVER {
        let (builder, seen) = client_of(vec![Script::Answer(status, body)]);
        let client = builder.build().unwrap();
        let run = client
            .reboot(RebootType::Soft, ids(3000))
            .batch_size(100)
            .begin()
            .await
            .unwrap();
        let mut events = run.events();
        let report = run.await;
        // Four at once.
        assert!(seen.posts() <= 24 + 3, "{body}: {}", seen.posts());
        let summary = report.summary();
        assert_eq!(summary.failed + summary.not_attempted, 3000);
        assert!(summary.failed < 30, "{body}: {summary:?}");
        let mut reasons = Vec::new();
        while let Some(event) = events.next().await {
            if let Event::Stopping { reason, cause } = event {
                assert!(matches!(cause, Some(Stopped::Refused(_))), "{cause:?}");
                reasons.push(reason);
            }
        }
        assert_eq!(reasons.len(), 1);
        assert!(
            reasons[0].contains("refused 24 requests in a row"),
            "{reasons:?}"
        );
        assert_eq!(report.refused.is_some(), status == 403, "{body}");
    }
}

/// A refusal of the request as a whole is not split.
#[tokio::test(start_paused = true)]
async fn a_malformed_request_is_not_split() {
    let body = r#"{"error":{"code":"Ecs.0005","message":"the type is invalid"}}"#;
    let (builder, seen) = client_of(vec![Script::Answer(400, body)]);
    let report = reboot(builder, 32).await;
    assert_eq!((report.summary().failed, seen.posts()), (32, 2));
}

/// A limit for a day is not tried again and again: the report says until when.
#[tokio::test(start_paused = true)]
async fn a_limit_for_a_day() {
    let message =
        r#"{"error_code":"APIGW.0308","error_msg":"over ratelimit,limit:200,time:1 day"}"#;
    let hours = || {
        Script::AnswerWithHeaders(
            429,
            message.replace("1 day", "x"),
            vec![("retry-after", "7200")],
        )
    };
    let in_body = r#"{"overLimit":{"code":413,"message":"m","retryAfter":"7200"}}"#;
    for does in [
        Script::Answer(429, message),
        hours(),
        Script::Answer(413, in_body),
    ] {
        let (builder, seen) = client_of(vec![does.clone()]);
        let began = Instant::now();
        let report = reboot(builder, 300).await;
        assert_eq!(report.summary().not_attempted, 300);
        assert!(seen.posts() <= 4, "{}", seen.posts());
        assert!(began.elapsed() < Duration::from_secs(60));
        for server in &report.servers {
            let error = &server.outcome.error().unwrap().message;
            assert!(error.contains("accepts requests again at 2"), "{error}");
        }
    }
    // A limit for minutes is waited out.
    let in_body = r#"{"overLimit":{"code":413,"message":"m","retryAfter":299.5}}"#;
    for (status, minutes) in [
        (429, message.replace("1 day", "5 minute")),
        (413, in_body.to_owned()),
    ] {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST if number == 0 => {
                Script::AnswerWithHeaders(status, minutes.clone(), Vec::new())
            }
            Method::POST => accepts(number),
            _ => Script::Answer(200, DONE),
        });
        let report = reboot(builder, 4).await;
        assert_eq!((report.summary().succeeded, seen.posts()), (4, 2));
        let times = seen.times(Method::POST);
        assert!(times[1] - times[0] >= Duration::from_secs(300));
    }
}

/// A start that is refused because the server runs is a success, if the server is seen to run.
#[tokio::test(start_paused = true)]
async fn a_start_of_a_running_server() {
    let refused = r#"{"error":{"code":"Ecs.0100","message":"it is ACTIVE"}}"#;
    for (status, succeeded) in [("ACTIVE", 8), ("ERROR", 7)] {
        let running = ids(3)[2];
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST if names(request, running) => Script::Answer(400, refused),
            Method::POST => accepts(number),
            _ if request.uri().path().contains("/cloudservers/") => Script::AnswerWithHeaders(
                200,
                format!(r#"{{"server":{{"id":"{running}","status":"{status}"}}}}"#),
                Vec::new(),
            ),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.build().unwrap();
        let report = client.start(ids(8)).report().await.unwrap();
        assert_eq!(report.summary().succeeded, succeeded, "{status}");
        let server = &report.servers[2];
        assert_eq!(server.note().is_some(), status == "ACTIVE", "{server:?}");
        let read = seen.requests(Method::GET).into_iter();
        let read = read.filter(|get| get.uri().path().ends_with(&running.to_string()));
        assert_eq!(read.count(), 1);
    }
}
