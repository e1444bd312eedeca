//! The harmless read before the first action of a run.

use std::sync::Arc;
use std::time::Duration;

use ecs_model::RebootType;
use http::Method;

use crate::journal::MemoryJournal;
use crate::scripted::{DONE, JOB, NOT_VALID, OUT_OF_REACH, Script, Seen, ids, outcome_of, service};
use crate::{Client, ErrorKind, Event, OnUnknown, Stopped};

const LIST: &str = r#"{"count":0,"servers":[]}"#;
const POLICY: &str = r#"{"error":{"code":"Pdp.0001","message":"policy does not allow it"}}"#;

/// A client that checks, of a service that answers lists in this way and accepts everything else.
fn client(list: Script) -> (Client, Seen) {
    let (builder, seen) = service(move |request, _| match *request.method() {
        Method::POST => Script::Answer(200, JOB),
        _ if request.uri().path().ends_with("/detail") => list.clone(),
        _ => Script::Answer(200, DONE),
    });
    (builder.with_service_check().build().unwrap(), seen)
}

/// Nothing is sent, and nothing is written down.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_the_service_gets_no_action() {
    let moved = "https://new.example/v1/p1/cloudservers/detail?limit=1";
    let redirect = Script::AnswerWithHeaders(301, String::new(), vec![("location", moved)]);
    for (list, expected) in [
        (
            Script::Answer(404, "<html>"),
            "nothing was sent: not an answer of the service: HTTP 404",
        ),
        (
            Script::Answer(200, "<html>"),
            "nothing was sent: not an answer of the service: HTTP 200",
        ),
        (
            Script::Answer(200, r#"{"status":"up"}"#),
            "nothing was sent: not an answer of the service: HTTP 200",
        ),
        (
            redirect,
            "nothing was sent: the whole site has moved to https://new.example (HTTP 301, not followed)",
        ),
    ] {
        let (client, seen) = client(list.clone());
        let journal = Arc::new(MemoryJournal::default());
        let run = client
            .reboot(RebootType::Soft, ids(2))
            .journal(Arc::clone(&journal));
        let error = run.begin().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTheService, "{list:?}");
        let message = &error.problem().message;
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(seen.posts(), 0);
        assert!(journal.entries().is_empty());
    }
}

/// A refusal of the service, and a service that cannot be reached, leave a whole report.
#[tokio::test(start_paused = true)]
async fn unsendable_requests_are_not_attempted() {
    for (list, refused, expected) in [
        (Script::Answer(401, NOT_VALID), true, "HTTP 401 APIGW.0301"),
        (
            OUT_OF_REACH,
            false,
            "not sent because the service cannot be reached: could not connect (5 attempts)",
        ),
        (
            Script::Answer(502, "<html>"),
            false,
            "not sent because the service cannot be reached: HTTP 502",
        ),
    ] {
        let (client, seen) = client(list.clone());
        let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
        let report = run.unwrap().await;
        let (outcome, message) = outcome_of(&report);
        assert_eq!(outcome, "not_attempted", "{list:?}");
        assert!(message.contains(expected), "{list:?}: {message}");
        assert_eq!(report.refused.is_some(), refused, "{list:?}");
        assert_eq!((report.servers.len(), seen.posts()), (2, 0));
    }
}

/// An account without the permission to list servers may restart them; a cache is a warning, and no
/// obstacle.
#[tokio::test(start_paused = true)]
async fn findings_of_the_check_are_events() {
    let cached = Script::AnswerWithHeaders(200, LIST.to_owned(), vec![("age", "7")]);
    for (list, expected) in [
        (Script::Answer(200, LIST), None),
        (
            Script::Answer(403, POLICY),
            Some("the service did not list a server before the first request: HTTP 403 Pdp.0001"),
        ),
        (cached, Some("a cache answers in place of the service")),
    ] {
        let (client, seen) = client(list.clone());
        let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
        let run = run.unwrap();
        let mut events = run.events();
        assert_eq!(run.await.summary().succeeded, 2, "{list:?}");
        assert_eq!(seen.posts(), 1);
        let mut warnings = Vec::new();
        while let Some(event) = events.next().await {
            if let Event::ServiceWarning { error } = event {
                warnings.push(error.message.clone());
            }
        }
        assert_eq!(
            warnings.len(),
            usize::from(expected.is_some()),
            "{warnings:?}"
        );
        if let (Some(expected), [warning]) = (expected, &warnings[..]) {
            assert!(warning.starts_with(expected), "{warning}");
        }
    }
}

/// The deadline holds for the read, too.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_before_the_answer() {
    let hang = Script::Hang {
        armed: true,
        sent: true,
    };
    let (client, seen) = client(hang);
    let run = client.reboot(RebootType::Soft, ids(2));
    let began = tokio::time::Instant::now();
    let run = run.deadline(Duration::from_secs(5)).begin().await;
    let report = run.unwrap().await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(report.stopped, Some(Stopped::Deadline));
    assert_eq!(report.summary().not_attempted, 2);
    assert_eq!(seen.posts(), 0);
}

/// A limit that is shorter than one attempt may take is refused.
#[tokio::test]
async fn the_reconcile_limit_is_no_shorter_than_an_attempt() {
    let (client, _) = client(Script::Answer(200, LIST));
    let run = |limit| {
        let run = client
            .reboot(RebootType::Soft, ids(2))
            .on_unknown(OnUnknown::Reconcile);
        run.reconcile_after(Duration::from_secs(limit)).plan()
    };
    assert!(run(60).is_ok());
    let error = run(59).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("59s"), "{error}");
}
