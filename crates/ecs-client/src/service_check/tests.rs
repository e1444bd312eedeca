//! Tests of the check before the first action.

use std::time::Duration;

use ecs_transport::{Delivery, TransportErrorKind};
use http::Method;

use crate::ErrorKind;
use crate::test_support::scripted;
use crate::testing::{FLOW_CONTROL, OUT_OF_REACH, Script};

const LIST: &str = r#"{"count":0,"servers":[]}"#;

fn answer_with(status: u16, body: &str, headers: Vec<(&'static str, &'static str)>) -> Script {
    Script::AnswerWithHeaders(status, body.to_owned(), headers)
}

#[tokio::test(start_paused = true)]
async fn foreign_answers_fail_the_check() {
    let moved = "https://new.example/v1/p1/cloudservers/detail?limit=1";
    let cases = [
        answer_with(404, "<html>", vec![("server", "nginx/1.22.1")]),
        answer_with(404, r#"{"message":"no Route matched"}"#, vec![]),
        answer_with(403, "<html>", vec![]),
        answer_with(401, "", vec![]),
        answer_with(200, "<html><title>Login</title></html>", vec![]),
        answer_with(200, "{}", vec![]),
        answer_with(302, "", vec![("location", "https://login.example/")]),
        answer_with(301, "", vec![("location", moved)]),
        answer_with(407, "<html>", vec![("proxy-authenticate", "Basic")]),
    ];
    for does in cases {
        let again = does.clone();
        let (builder, _) = scripted(move |_, _| again.clone());
        let error = builder.build().unwrap().check_service().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTheService, "{does:?}: {error}");
    }
}

/// The error names the new address.
#[tokio::test(start_paused = true)]
async fn moved_sites_name_their_address() {
    let moved = "https://new.example/v1/p1/cloudservers/detail?limit=1";
    let (builder, seen) = scripted(move |_, _| answer_with(301, "", vec![("location", moved)]));
    let error = builder.build().unwrap().check_service().await.unwrap_err();
    assert_eq!(error.problem().moved_to(), Some("https://new.example"));
    let message = "the whole site has moved to https://new.example (HTTP 301, not followed)";
    assert_eq!(error.problem().message, message);
    assert_eq!(seen.count(Method::GET), 1);
}

#[tokio::test(start_paused = true)]
async fn other_errors_are_classified() {
    let not_valid = r#"{"error_code":"APIGW.0301","error_msg":"verify failed"}"#;
    let other_project = r#"{"error":{"code":"Ecs.0023","message":"m"}}"#;
    let cases = [
        (
            answer_with(401, not_valid, vec![]),
            ErrorKind::Credentials,
            1,
        ),
        (
            answer_with(400, other_project, vec![]),
            ErrorKind::Credentials,
            1,
        ),
        (
            answer_with(502, "<html>", vec![]),
            ErrorKind::Unreachable,
            5,
        ),
        (OUT_OF_REACH, ErrorKind::Unreachable, 5),
        (
            Script::Fail(TransportErrorKind::Closed, Delivery::MaybeSent),
            ErrorKind::Unreachable,
            5,
        ),
        (
            answer_with(429, "<html>", vec![("retry-after", "200")]),
            ErrorKind::Deadline,
            1,
        ),
    ];
    for (does, kind, requests) in cases {
        let again = does.clone();
        let (builder, seen) = scripted(move |_, _| again.clone());
        let error = builder.build().unwrap().check_service().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{does:?}: {error}");
        assert_eq!(seen.count(Method::GET), requests, "{does:?}");
    }
}

/// A user who may not list servers may be allowed to restart them, and a service whose lists fail
/// is still the service.
#[tokio::test(start_paused = true)]
async fn refusals_by_the_service_pass_the_check() {
    let policy =
        r#"{"error":{"code":"Pdp.0001","message":"policy does not allow ecs:cloudServers:list"}}"#;
    let fault = r#"{"forbidden":{"code":403,"message":"policy does not allow it"}}"#;
    let broken = r#"{"error":{"code":"Ecs.0000","message":"try later"}}"#;
    for does in [
        answer_with(403, policy, vec![]),
        answer_with(403, fault, vec![]),
        answer_with(500, broken, vec![]),
        answer_with(429, FLOW_CONTROL, vec![("retry-after", "200")]),
    ] {
        let again = does.clone();
        let (builder, _) = scripted(move |_, _| again.clone());
        let check = builder.build().unwrap().check_service().await.unwrap();
        assert!(check.refused.is_some(), "{does:?}");
    }
}

/// The check is made once per minute. A cache that answers is reported and proves nothing.
#[tokio::test(start_paused = true)]
async fn service_is_checked_once_a_minute() {
    let (builder, seen) = scripted(|_, number| match number {
        0 => answer_with(200, LIST, vec![("x-cache", "HIT from vm")]),
        _ => Script::Answer(200, LIST),
    });
    let client = builder.build().unwrap();
    let check = client.check_service().await.unwrap();
    assert!(
        check
            .cached
            .is_some_and(|cached| cached.message.contains("cache"))
    );
    for _ in 0..3 {
        let check = client.check_service().await.unwrap();
        assert!(check.cached.is_none());
    }
    assert_eq!(seen.count(Method::GET), 2);
    tokio::time::sleep(Duration::from_secs(61)).await;
    client.check_service().await.unwrap();
    assert_eq!(seen.count(Method::GET), 3);
}
