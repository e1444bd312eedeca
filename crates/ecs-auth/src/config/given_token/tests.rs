use std::sync::Arc;

use ecs_transport::testing::{RecordingTransport, ScriptedTransport};
use ecs_transport::{Delivery, TransportErrorKind};
use http::StatusCode;

use crate::config::tests::{around, choose};
use crate::{AuthError, ReadyCredentials, Transports};

const DESCRIBED: &str = r#"{"token":{"project":{"id":"p1","name":"eu-de_team"},
    "user":{"name":"ops","domain":{"name":"OTC1"}},"roles":[{"name":"te_admin"}]}}"#;
const TOKEN: [(&str, &str); 2] = [
    ("OS_TOKEN", "MIIDgiven"),
    ("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3"),
];

type Recording = RecordingTransport<ScriptedTransport>;

async fn open(
    more: &[(&str, &str)],
    script: ScriptedTransport,
) -> (Result<ReadyCredentials, AuthError>, Recording) {
    let transport = RecordingTransport::new(script);
    let environment = around(&[&TOKEN[..], more].concat());
    let transports = Transports::both(Arc::new(transport.clone()));
    (choose(&environment).open(transports).await, transport)
}

fn answers(status: StatusCode, body: &'static str) -> ScriptedTransport {
    ScriptedTransport::new().respond(status, body)
}

#[tokio::test(start_paused = true)]
async fn token_authenticates_its_own_lookup() {
    for named in [("OS_PROJECT_ID", "p1"), ("OS_PROJECT_NAME", "eu-de_team")] {
        let (opened, transport) = open(&[named], answers(StatusCode::OK, DESCRIBED)).await;
        let opened = opened.unwrap();
        let request = &transport.requests()[0];
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri().path(), "/v3/auth/tokens");
        assert_eq!(request.headers()["x-auth-token"], "MIIDgiven");
        assert_eq!(request.headers()["x-subject-token"], "MIIDgiven");
        assert!(request.headers()["x-subject-token"].is_sensitive());
        assert_eq!(transport.calls(), 1, "{named:?}");
        let target = opened.target;
        assert_eq!(target.account.to_string(), "user ops of domain OTC1");
        assert_eq!(target.project.to_string(), "eu-de_team (p1)");
        assert_eq!(target.project.origin, named.0);
        assert_eq!(opened.project_id, "p1");
    }
}

#[tokio::test(start_paused = true)]
async fn project_of_another_token_is_an_error() {
    for (more, expected) in [
        (
            &[("OS_PROJECT_ID", "p2")][..],
            "the token is for the project eu-de_team (p1), and p2 is requested (by OS_PROJECT_ID)",
        ),
        (
            &[("OS_PROJECT_NAME", "eu-de")],
            "the token is for the project eu-de_team (p1), and eu-de is requested (by OS_PROJECT_NAME)",
        ),
    ] {
        let (opened, _) = open(more, answers(StatusCode::OK, DESCRIBED)).await;
        assert_eq!(opened.unwrap_err().to_string(), expected);
    }
    let of_domain = r#"{"token":{"domain":{"name":"OTC1"},"user":{"name":"ops"}}}"#;
    let (opened, _) = open(
        &[("OS_PROJECT_ID", "p1")],
        answers(StatusCode::OK, of_domain),
    )
    .await;
    let error = opened.unwrap_err().to_string();
    assert!(
        error.contains("(of domain OTC1) is not for a project"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn project_defaults_to_that_of_the_token() {
    let (opened, transport) = open(&[], answers(StatusCode::OK, DESCRIBED)).await;
    let opened = opened.unwrap();
    assert_eq!(opened.target.project.origin, "the token");
    assert!(opened.warnings.is_empty());
    assert_eq!(transport.calls(), 1);
    let elsewhere = r#"{"token":{"project":{"id":"p3","name":"eu-nl"}}}"#;
    let (opened, _) = open(&[], answers(StatusCode::OK, elsewhere)).await;
    let opened = opened.unwrap();
    assert_eq!(opened.project_id, "p3");
    assert!(
        opened.warnings[0]
            .message
            .contains("not one of the region eu-de")
    );
}

#[tokio::test(start_paused = true)]
async fn failed_lookup_is_reported_and_changes_nothing() {
    for (script, expected) in [
        (
            answers(
                StatusCode::UNAUTHORIZED,
                r#"{"error":{"message":"MIIDgiven is bad"}}"#,
            ),
            "answered 401: *** is bad",
        ),
        (answers(StatusCode::OK, "<html>"), "without a description"),
        (answers(StatusCode::NOT_FOUND, ""), "answered 404"),
        (
            ScriptedTransport::new().fail(TransportErrorKind::Connect, Delivery::NotSent),
            "could not be queried",
        ),
    ] {
        let (opened, _) = open(&[("OS_PROJECT_ID", "p1")], script).await;
        let opened = opened.unwrap();
        assert_eq!(opened.project_id, "p1");
        let reason = opened.target.account.not_looked_up.clone().unwrap();
        assert!(reason.contains(expected), "{reason}");
        let shown = opened.target.account.to_string();
        assert!(shown.contains("was not looked up (IAM at"), "{shown}");
        assert!(!shown.contains("MIIDgiven"));
    }
}
