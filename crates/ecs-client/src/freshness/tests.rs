//! Tests of which answers are current.

use std::time::Duration;

use ecs_model::ListServersDetails;
use http::{HeaderMap, Method};
use serde_json::json;

use super::*;
use crate::test_support::scripted;
use crate::testing::Script;
use crate::{Client, RequestContext};

fn headers(given: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name: http::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    headers
}

#[test]
fn headers_show_staleness() {
    let asked_at = Some("2026-11-30T10:00:00Z".parse().unwrap());
    let rows: &[(&[(&str, &str)], bool)] = &[
        (&[], false),
        (&[("date", "Mon, 30 Nov 2026 10:00:00 GMT")], false),
        (&[("date", "Mon, 30 Nov 2026 10:07:00 GMT")], false),
        // The clocks of the service's machines may differ by a few seconds.
        (&[("date", "Mon, 30 Nov 2026 09:59:56 GMT")], false),
        (&[("date", "Mon, 30 Nov 2026 09:59:54 GMT")], true),
        (&[("date", "yesterday")], false),
        (&[("age", "0")], true),
        (&[("age", "600")], true),
        (&[("x-cache", "HIT from vm")], true),
        (&[("x-cache", "MISS from vm")], false),
        (&[("x-cache-lookup", "HIT from vm:3128")], false),
        (&[("x-cache-status", "HIT")], true),
        (&[("x-cache-status", "EXPIRED")], false),
        (&[("cache-status", "edge; hit; ttl=30")], true),
        (&[("cache-status", "edge; fwd=uri-miss")], false),
        (&[("x-cache", "whitespace")], false),
    ];
    for (given, expected) in rows {
        let found = stale(&headers(given), asked_at);
        assert_eq!(found.is_some(), *expected, "{given:?}: {found:?}");
    }
    let old = headers(&[("date", "Mon, 30 Nov 2026 09:00:00 GMT")]);
    assert_eq!(stale(&old, None), None, "no clock to compare with");
}

#[test]
fn ids_are_remembered_up_to_a_limit() {
    let seen = SeenIds::default();
    assert!(seen.add("first"));
    assert!(!seen.add("first"));
    for number in 0..SeenIds::LIMIT {
        assert!(seen.add(&number.to_string()));
    }
    assert!(seen.add("first"), "the oldest is forgotten");
    assert!(!seen.add("17"));
}

/// Lists servers and returns why the answer is not current.
async fn list(client: &Client) -> Option<Stale> {
    let query = ListServersDetails::builder().build().unwrap();
    let mut context = RequestContext::read();
    client.execute(&query, &mut context).await.unwrap();
    context.stale().cloned()
}

/// Lists are requested uncached. A list from a cache is reported as stale.
#[tokio::test(start_paused = true)]
async fn cached_lists_are_stale() {
    let (builder, seen) = scripted(|_, number| {
        let body = json!({"count": 0, "servers": []}).to_string();
        let id = ["a", "b", "b", "c", "d"][number];
        let headers = match number {
            3 => vec![("x-request-id", id), ("age", "12")],
            _ => vec![("x-request-id", id)],
        };
        Script::AnswerWithHeaders(200, body, headers)
    });
    let client = builder.build().unwrap();
    let mut stale = Vec::new();
    for _ in 0..5 {
        stale.push(list(&client).await.map(|stale| stale.to_string()));
    }
    let repeated = "the answer comes from a cache: it has the request id of an earlier one (b)";
    let aged = "the answer comes from a cache: it carries \"Age: 12\"";
    let expected = [None, None, Some(repeated), Some(aged), None];
    let stale: Vec<_> = stale.iter().map(Option::as_deref).collect();
    assert_eq!(stale, expected);
    let requests = seen.requests(Method::GET);
    for request in requests {
        assert_eq!(request.headers().get("cache-control").unwrap(), "no-cache");
    }
}

/// The date of a cached answer does not set the service's clock. A date that is merely old does:
/// the clock may have been set back.
#[tokio::test(start_paused = true)]
async fn cached_dates_do_not_set_the_services_clock() {
    let dates = [
        ("Mon, 30 Nov 2026 10:00:00 GMT", ""),
        ("Mon, 30 Nov 2026 09:00:00 GMT", "600"),
        ("Mon, 30 Nov 2026 09:00:00 GMT", ""),
    ];
    let (builder, _) = scripted(move |_, number| {
        let (date, age) = dates[number];
        let mut headers = vec![("date", date)];
        if !age.is_empty() {
            headers.push(("age", age));
        }
        Script::AnswerWithHeaders(200, json!({"servers": []}).to_string(), headers)
    });
    let epoch = "2026-11-30T12:00:00Z".parse().unwrap();
    let client = builder.epoch(epoch).build().unwrap();
    let mut remote = Vec::new();
    for _ in 0..3 {
        let stale = list(&client).await;
        let shown = client.clock().read().remote.unwrap().to_string();
        remote.push((stale.is_some(), shown));
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let remote: Vec<_> = remote
        .iter()
        .map(|(stale, at)| (*stale, at.as_str()))
        .collect();
    assert_eq!(
        remote,
        [
            (false, "2026-11-30T10:00:01Z"),
            (true, "2026-11-30T10:01:01Z"),
            (true, "2026-11-30T09:00:01Z"),
        ]
    );
}
