//! Outages behind a gateway that answers by itself.

use std::time::Duration;

use ecs_model::RebootType;
use http::Method;
use tokio::time::Instant;

use crate::scripted::{DONE, Script, accepts, ids, service};
use crate::{Event, OnUnknown, Report, Stopped};

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
const SERVERS: &str = r#"{"count":0,"servers":[]}"#;

/// Returns `true` if a request lists servers.
fn lists(path: &str) -> bool {
    path.contains("/cloudservers")
}

async fn reboot(builder: crate::ClientBuilder) -> (Report, Vec<Event>) {
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(300)).batch_size(5);
    let run = run.begin().await.unwrap();
    let mut events = run.events();
    let report = run.await;
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event);
    }
    (report, all)
}

/// Every POST is answered by a gateway: few are sent, and none while the service does not answer.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_no_action() {
    for reads_work in [false, true] {
        let (builder, seen) = service(move |request, _| match *request.method() {
            Method::POST => Script::Answer(502, PAGE),
            _ if reads_work => Script::Answer(200, SERVERS),
            _ => Script::Answer(502, PAGE),
        });
        let began = Instant::now();
        let (report, events) = reboot(builder).await;
        let summary = report.summary();
        assert_eq!(summary.unknown + summary.not_attempted, 300);
        // Three requests, and single servers as trials.
        let trials = if reads_work { 10 } else { 0 };
        assert!(summary.unknown <= 15 + trials, "{reads_work}: {summary:?}");
        assert!(seen.posts() <= 3 + trials, "{reads_work}: {}", seen.posts());
        assert!(began.elapsed() < Duration::from_secs(10 * 60));
        let stops: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Stopping { cause, .. } => Some(cause.as_ref()),
                _ => None,
            })
            .collect();
        assert!(matches!(stops[..], [Some(Stopped::Outage(_))]), "{stops:?}");
        let last = report.servers[299].outcome.error().unwrap();
        assert!(last.message.contains("in a row were lost"), "{last}");
    }
}

/// A cache that answers reads does not show that the service is back.
#[tokio::test(start_paused = true)]
async fn a_cached_list_ends_no_outage() {
    let (builder, seen) = service(move |request, _| match *request.method() {
        Method::POST => Script::Answer(502, PAGE),
        _ => Script::AnswerWithHeaders(200, SERVERS.to_owned(), vec![("age", "20")]),
    });
    let (report, _) = reboot(builder).await;
    assert_eq!(report.summary().unknown, 15);
    assert_eq!(seen.posts(), 3);
}

/// A service that is away for ten seconds costs a few requests; then all is sent.
#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle() {
    let began = Instant::now();
    let down = move || {
        let age = began.elapsed();
        age > Duration::from_millis(100) && age < Duration::from_secs(10)
    };
    let (builder, seen) = service(move |request, number| match *request.method() {
        _ if down() => Script::Answer(502, PAGE),
        Method::POST => accepts(number),
        _ if lists(request.uri().path()) => Script::Answer(200, SERVERS),
        _ => Script::Answer(200, DONE),
    });
    let (report, _) = reboot(builder).await;
    let summary = report.summary();
    assert!(summary.unknown <= 6 * 5, "{summary:?}");
    assert_eq!(summary.succeeded + summary.unknown, 300);
    assert!(seen.posts() > 55);
}

/// A run whose options cannot be honoured sends nothing.
#[tokio::test(start_paused = true)]
async fn reconcile_without_a_list_sends_nothing() {
    for (status, body, refused) in [
        (
            404,
            r#"{"error_code":"APIGW.0101","error_msg":"no such API"}"#,
            false,
        ),
        (403, r#"{"error":{"code":"Pdp.0001","message":"no"}}"#, true),
        (502, PAGE, false),
    ] {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ if lists(request.uri().path()) => Script::Answer(status, body),
            _ => Script::Answer(200, DONE),
        });
        let run = builder.build().unwrap().reboot(RebootType::Soft, ids(10));
        let report = run.on_unknown(OnUnknown::Reconcile).report().await.unwrap();
        assert_eq!((report.summary().not_attempted, seen.posts()), (10, 0));
        assert_eq!(report.refused.is_some(), refused, "{status}");
        let error = report.servers[0].outcome.error().unwrap();
        assert!(error.message.starts_with("not sent"), "{error}");
    }
}

/// A list from a cache is nothing to compare with: the run begins, and a lost answer stays unknown,
/// whatever the cache answers later.
#[tokio::test(start_paused = true)]
async fn a_first_list_from_a_cache_leaves_lost_answers_unknown() {
    for always in [false, true] {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => Script::Answer(502, PAGE),
            _ => {
                let row = |id| {
                    format!(r#"{{"id":"{id}","status":"ACTIVE","updated":"2026-01-01T00:00:00Z"}}"#)
                };
                let rows: Vec<_> = ids(10).iter().map(row).collect();
                let body = if request.uri().path().ends_with("/detail") {
                    format!(r#"{{"count":10,"servers":[{}]}}"#, rows.join(","))
                } else {
                    format!(r#"{{"server":{}}}"#, rows[0])
                };
                let hit = vec![("x-cache", "HIT from squid"), ("age", "0")];
                let cached = always || number < 2;
                Script::AnswerWithHeaders(200, body, if cached { hit } else { Vec::new() })
            }
        });
        let run = builder.build().unwrap().reboot(RebootType::Soft, ids(10));
        let run = run.on_unknown(OnUnknown::Reconcile).begin().await.unwrap();
        let mut events = run.events();
        let report = run.await;
        assert_eq!(
            (report.summary().unknown, seen.posts()),
            (10, 1),
            "{always}"
        );
        let mut warned = false;
        while let Some(event) = events.next().await {
            warned |=
                matches!(event, Event::ListFailed { error } if error.message.contains("cache"));
        }
        assert!(warned);
    }
}
