use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::testing::{RecordingTransport, ScriptedTransport};
use ecs_transport::{Delivery, TransportErrorKind};
use http::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, advance};

use super::{IamClient, IamTokens, Login, Project, Reference, User};
use crate::{
    AccessKey, AuthErrorKind, Credentials, CredentialsProvider, StaticCredentials, verify,
};

const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcC";

fn token(token: &str, body: &str) -> Response<Bytes> {
    Response::builder()
        .status(StatusCode::CREATED)
        .header("x-subject-token", token)
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

/// Valid for a day, by a clock that is a year behind the local one.
const A_DAY: &str = r#"{"token":{"issued_at":"2025-11-23T12:00:00.000000Z","expires_at":"2025-11-24T12:00:00.000000Z",
    "user":{"name":"ops","domain":{"name":"OTC1"}},"roles":[{"id":"1","name":"server_adm"},{"id":"2"}],
    "project":{"id":"5dd3c0b24cdc4d31952c49589182a89d","name":"eu-de"}}}"#;

fn login() -> Login {
    let user = User::name("ops", Reference::name("OTC1"));
    Login::password(user, "sesame").for_project(Reference::name("eu-de"))
}

type Recording = RecordingTransport<ScriptedTransport>;

fn iam(script: ScriptedTransport) -> (IamClient, Recording) {
    let transport = RecordingTransport::new(script);
    let iam = IamClient::new(Arc::new(transport.clone()), "https://iam.example/v3/").unwrap();
    (iam, transport)
}

fn tokens(script: ScriptedTransport) -> (IamTokens, Recording) {
    let (iam, transport) = iam(script);
    (iam.tokens(login()), transport)
}

fn shown(credentials: &Credentials) -> String {
    let mut request = http::Request::new(Bytes::new());
    credentials.authenticate(&mut request, jiff::Timestamp::now());
    let token = request.headers()["x-auth-token"].to_str();
    token.unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn logins_give_a_token_and_its_description() {
    let (tokens, transport) = tokens(ScriptedTransport::new().response(token(TOKEN, A_DAY)));
    assert_eq!(shown(&tokens.credentials().await.unwrap()), TOKEN);
    let info = tokens.info().await.unwrap();
    let project = info.project.unwrap();
    assert_eq!(project.id, "5dd3c0b24cdc4d31952c49589182a89d");
    assert_eq!(project.name, "eu-de");
    assert_eq!(info.user.as_deref(), Some("ops"));
    assert_eq!(info.domain.as_deref(), Some("OTC1"));
    assert_eq!(info.roles, ["server_adm"]);
    assert_eq!(info.expires_at.unwrap().to_string(), "2025-11-24T12:00:00Z");

    let requests = transport.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method(), Method::POST);
    assert_eq!(requests[0].uri(), "https://iam.example/v3/auth/tokens");
    assert_eq!(requests[0].headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(requests[0].body()).unwrap();
    let password = body.pointer("/auth/identity/password/user/password");
    assert_eq!(password.unwrap(), "sesame");
    let shown = format!(
        "{tokens:?} {tokens:#?} {info:?}",
        info = tokens.info().await
    );
    assert!(
        !shown.contains("sesame") && !shown.contains("MIID"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn lifetime_of_a_token_is_by_the_issuers_clock() {
    let script = ScriptedTransport::new()
        .response(token("one", A_DAY))
        .response(token("two", A_DAY));
    let (tokens, transport) = tokens(script);
    tokens.credentials().await.unwrap();
    advance(Duration::from_secs(24 * 3600 - 301)).await;
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "one");
    advance(Duration::from_secs(1)).await;
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "two");
    assert_eq!(transport.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_an_end_is_used_until_it_is_refused() {
    for body in ["", "<html>", "{}", r#"{"token":{"expires_at":"soon"}}"#] {
        let script = ScriptedTransport::new()
            .response(token("one", body))
            .response(token("two", body));
        let (tokens, _) = tokens(script);
        let one = tokens.credentials().await.unwrap();
        advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(shown(&tokens.credentials().await.unwrap()), "one");
        let two = tokens.renew(&one).await.unwrap().unwrap();
        assert_eq!(shown(&two), "two");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_renewed_in_its_last_quarter() {
    let a_minute =
        r#"{"token":{"issued_at":"2026-11-23T12:00:00Z","expires_at":"2026-11-23T12:01:00Z"}}"#;
    let script = ScriptedTransport::new()
        .response(token("one", a_minute))
        .response(token("two", a_minute));
    let (tokens, _) = tokens(script);
    tokens.credentials().await.unwrap();
    advance(Duration::from_millis(44_999)).await;
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "one");
    advance(Duration::from_millis(1)).await;
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "two");
}

#[tokio::test(start_paused = true)]
async fn invalid_token_answers_are_errors() {
    for (response, kind, expected) in [
        (
            Response::new(Bytes::from_static(b"<html>hello")),
            AuthErrorKind::Unavailable,
            "address of IAM",
        ),
        (token("", "{}"), AuthErrorKind::Malformed, "empty"),
        (
            token(
                "t",
                r#"{"token":{"issued_at":"2026-11-23T12:00:00Z","expires_at":"2026-11-23T12:00:00Z"}}"#,
            ),
            AuthErrorKind::Unavailable,
            "expired already",
        ),
        (
            token(
                "t",
                r#"{"token":{"issued_at":"9999-01-01T00:00:00Z","expires_at":"-009998-01-02T00:00:00Z"}}"#,
            ),
            AuthErrorKind::Unavailable,
            "expired already",
        ),
    ] {
        let (tokens, _) = tokens(ScriptedTransport::new().response(response));
        let error = tokens.credentials().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_login_reports_the_reason_without_the_password() {
    let body = r#"{"error":{"code":401,"message":"The password sesame is wrong.","title":"Unauthorized"}}"#;
    let (tokens, transport) =
        tokens(ScriptedTransport::new().respond(StatusCode::UNAUTHORIZED, body));
    let error = tokens.credentials().await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "IAM at iam.example answered 401: The password *** is wrong."
    );
    assert!(tokens.credentials().await.is_err());
    assert_eq!(transport.calls(), 1, "it is not tried again");
}

#[tokio::test(start_paused = true)]
async fn iam_that_cannot_be_reached_or_hangs_is_unavailable() {
    let script = ScriptedTransport::new()
        .fail(TransportErrorKind::Connect, Delivery::NotSent)
        .hang()
        .respond(StatusCode::SERVICE_UNAVAILABLE, "")
        .response(token(TOKEN, A_DAY));
    let (tokens, _) = tokens(script);
    let began = Instant::now();
    for expected in ["could not be queried", "did not answer within 30s", "503"] {
        let error = tokens.credentials().await.unwrap_err();
        assert!(error.is_temporary());
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(began.elapsed(), Duration::from_secs(31));
    tokens.credentials().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn agencies_need_an_authenticated_borrower() {
    let key = AccessKey::new("AK", "SK").unwrap();
    for (by, signed) in [
        (Credentials::token("MIID-base").unwrap(), false),
        (Credentials::access_key(key.clone()), true),
    ] {
        let (iam, transport) = iam(ScriptedTransport::new().response(token(TOKEN, A_DAY)));
        let login = Login::agency(StaticCredentials::new(by), Reference::id("d2"), "restarter");
        let tokens = iam.tokens(login.with_caller_domain_id("d1"));
        tokens.credentials().await.unwrap();
        let request = &transport.requests()[0];
        assert_eq!(request.headers()["x-domain-id"], "d1");
        if signed {
            let now = jiff::Timestamp::now();
            let verified = verify(request, now, |_| Some(&key)).unwrap();
            let text = verified.canonical_request().to_string();
            assert!(text.contains("x-domain-id:d1"), "{text}");
        } else {
            assert_eq!(request.headers()["x-auth-token"], "MIID-base");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn agency_tokens_outlive_the_borrowers_token() {
    let script = ScriptedTransport::new()
        .response(token("base-1", A_DAY))
        .respond(StatusCode::UNAUTHORIZED, "")
        .response(token("base-2", A_DAY))
        .response(token("agency", A_DAY));
    let (iam, transport) = iam(script);
    let login = Login::agency(iam.tokens(login()), Reference::name("owner"), "restarter");
    let tokens = iam.tokens(login);
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "agency");
    let requests = transport.requests();
    assert_eq!(requests[1].headers()["x-auth-token"], "base-1");
    assert_eq!(requests[3].headers()["x-auth-token"], "base-2");
}

#[tokio::test(start_paused = true)]
async fn a_passcode_is_not_sent_twice() {
    let (iam, transport) = iam(ScriptedTransport::new().response(token("one", A_DAY)));
    let tokens = iam.tokens(login().with_passcode("123456"));
    let one = tokens.credentials().await.unwrap();
    advance(Duration::from_secs(24 * 3600 - 1)).await;
    assert_eq!(shown(&tokens.credentials().await.unwrap()), "one");
    let error = tokens.renew(&one).await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert!(error.to_string().contains("passcode"), "{error}");
    assert_eq!(transport.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn unsent_passcodes_stay_valid() {
    let (iam, transport) = iam(ScriptedTransport::new()
        .fail(TransportErrorKind::Connect, Delivery::NotSent)
        .respond(StatusCode::SERVICE_UNAVAILABLE, "busy"));
    let tokens = iam.tokens(login().with_passcode("123456"));
    let error = tokens.credentials().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let error = tokens.credentials().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let body = transport.requests()[1].body().clone();
    assert!(String::from_utf8_lossy(&body).contains("123456"));
    // Sent to IAM, it is used up, and the error says why there is no token.
    for _ in 0..2 {
        let error = tokens.credentials().await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Refused);
        let expected = error.to_string();
        assert!(
            expected.contains("answered 503, and a passcode"),
            "{expected}"
        );
        assert_eq!(transport.calls(), 2);
    }

    let (iam, transport) =
        self::iam(ScriptedTransport::new().fail(TransportErrorKind::Timeout, Delivery::MaybeSent));
    let tokens = iam.tokens(login().with_passcode("123456"));
    let error = tokens.credentials().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let error = tokens.credentials().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("could not be queried, and a passcode"),
        "{error}"
    );
    assert_eq!(transport.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_project_is_found_by_exactly_one_match() {
    let credentials = Credentials::token(TOKEN).unwrap();
    let one = r#"{"projects":[{"id":"p1","name":"eu-de","enabled":true}]}"#;
    let two = r#"{"projects":[{"id":"p1","name":"eu-de"},{"id":"p2","name":"eu-de"}]}"#;
    let script = ScriptedTransport::new()
        .respond(StatusCode::OK, one)
        .respond(StatusCode::OK, r#"{"projects":[]}"#)
        .respond(StatusCode::OK, two)
        .respond(StatusCode::OK, "<html>")
        .respond(
            StatusCode::FORBIDDEN,
            r#"{"error":{"message":"iam:projects:list"}}"#,
        );
    let (iam, transport) = iam(script);
    let found = iam.find_project(&credentials, "eu-de").await.unwrap();
    assert_eq!(
        found,
        Project {
            id: "p1".into(),
            name: "eu-de".into()
        }
    );
    for (kind, expected) in [
        (AuthErrorKind::Refused, "no project is called eu-de_a b&c"),
        (AuthErrorKind::Refused, "of p1, p2"),
        (AuthErrorKind::Unavailable, "without a list"),
        (AuthErrorKind::Refused, "iam:projects:list"),
    ] {
        let error = iam
            .find_project(&credentials, "eu-de_a b&c")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let requests = transport.requests();
    assert_eq!(
        requests[0].uri(),
        "https://iam.example/v3/projects?name=eu-de"
    );
    assert_eq!(requests[0].headers()["x-auth-token"], TOKEN);
    assert_eq!(requests[1].uri().query(), Some("name=eu-de_a%20b%26c"));
}

#[test]
fn invalid_addresses_are_refused() {
    let client = |address: &str| IamClient::new(Arc::new(ScriptedTransport::new()), address);
    for address in [
        "https://iam.example",
        "https://iam.example/",
        "https://iam.example/v3",
        " https://iam.example/v3/ ",
        "http://127.0.0.1:40123",
    ] {
        client(address).unwrap();
    }
    for address in [
        "",
        "iam.example",
        "ftp://iam.example",
        "/v3",
        "https://",
        "https://i?x=1",
    ] {
        let error = client(address).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Malformed, "{address}");
    }
}
