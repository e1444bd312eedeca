//! A single odd answer to a poll is not the end.

use std::time::Duration;

use ecs_model::RebootType;
use http::Method;

use crate::scripted::{DONE, Script, accepts, asked_job, ids, service};
use crate::{Event, Stopped};

const RUNNING: &str = r#"{"status":"RUNNING","entities":{}}"#;
const ODD: &[(u16, &str)] = &[
    (
        400,
        r#"{"error":{"code":"Common.0011","message":"Invalid job ID."}}"#,
    ),
    (404, r#"{"itemNotFound":{"code":404,"message":"none"}}"#),
    (
        401,
        r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}"#,
    ),
    (403, r#"{"error":{"code":"Pdp.0001","message":"no"}}"#),
    (400, r#"{"error":{"code":"Ecs.0005","message":"odd"}}"#),
    (500, "<html>"),
    (404, "<html>"),
];

/// One or two odd answers among good ones cost nothing, whatever they say.
#[tokio::test(start_paused = true)]
async fn odd_answers_among_good_ones() {
    for &(status, body) in ODD {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ if number == 6 || number == 7 => Script::Answer(status, body),
            _ if number < 20 => Script::Answer(200, RUNNING),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(30)).batch_size(10);
        let report = run.report().await.unwrap();
        assert_eq!(report.summary().succeeded, 30, "{status} {body}");
        assert_eq!(seen.posts(), 3);
    }
}

/// A job that is not shown does not take the others with it.
#[tokio::test(start_paused = true)]
async fn one_hidden_job() {
    let (builder, _) = service(move |request, number| match *request.method() {
        Method::POST => accepts(number),
        _ if asked_job(request) == "job-1" && number > 2 => {
            Script::Answer(403, r#"{"error":{"code":"Pdp.0001","message":"no"}}"#)
        }
        _ if number < 20 => Script::Answer(200, RUNNING),
        _ => Script::Answer(200, DONE),
    });
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(30)).batch_size(10);
    let report = run.report().await.unwrap();
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.running), (20, 10));
    assert!(matches!(report.stopped, Some(Stopped::Denied(_))));
}

/// A job that never ends: signs of life, then a report.
#[tokio::test(start_paused = true)]
async fn a_job_without_an_end() {
    let began = tokio::time::Instant::now();
    for limit in [None, Some(Duration::from_secs(3600))] {
        let (builder, _) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ => Script::Answer(200, RUNNING),
        });
        let client = builder.build().unwrap();
        let mut run = client.reboot(RebootType::Soft, ids(3));
        if let Some(limit) = limit {
            run = run.stalled_after(limit);
        }
        let run = run.begin().await.unwrap();
        let mut events = run.events();
        let start = began.elapsed();
        let report = run.await;
        let took = began.elapsed() - start;
        let limit = limit.unwrap_or(Duration::from_secs(1800));
        assert!(took >= limit && took < limit + Duration::from_secs(60));
        assert_eq!(report.summary().running, 3);
        assert_eq!(report.stopped, Some(Stopped::Stalled));
        let mut signs = 0;
        while let Some(event) = events.next().await {
            signs += usize::from(matches!(event, Event::Waiting { jobs: 1, .. }));
        }
        assert!(signs as u64 >= limit.as_secs() / 120 - 1, "{signs}");
    }
}
