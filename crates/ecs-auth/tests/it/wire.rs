//! Tests on a real socket: the received request is the signed one.

use std::sync::Arc;

use bytes::Bytes;
use ecs_auth::{
    AccessKey, Credentials, CredentialsProvider as _, IamClient, Login, MetadataKeys, Reference,
    User, verify,
};
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{Attempt, HyperTransport, Transport as _};
use http::{Request, StatusCode};
use jiff::Timestamp;

fn transport() -> HyperTransport {
    HyperTransport::builder().no_proxy().build().unwrap()
}

fn key() -> AccessKey {
    AccessKey::new(
        "QTWAOYTTINDUT2QVKYUC",
        "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
    )
    .unwrap()
    .with_security_token("gQpjbi1ub3J0aC00i2bQ")
    .unwrap()
}

#[tokio::test]
async fn received_requests_are_as_signed() {
    let requests = [
        ("GET", "/v1/p/jobs/j", ""),
        (
            "GET",
            "/v1/p/cloudservers/detail?name=a%20b%2B&limit=25&not-tags=%e5%90%8d",
            "",
        ),
        (
            "POST",
            "/v1/p/cloudservers/action",
            r#"{"reboot":{"type":"SOFT","servers":[{"id":"1"}]}}"#,
        ),
        ("POST", "/a%2Fb/%7e//c;d=e/?", "{\"name\":\"größe\"}\n"),
        ("POST", "/", ""),
    ];
    // Actions use connections of their own, so the order of connections is not known.
    let play = (0..requests.len()).fold(Play::new(), |play, _| play.reply(StatusCode::OK, "{}"));
    let server = Tarpit::always(play).await.unwrap();
    let transport = transport();
    for (method, target, body) in requests {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", server.url()))
            .header("content-type", "application/json")
            .header("x-project-id", "p")
            .header("user-agent", "ecsctl")
            .body(Bytes::from(body))
            .unwrap();
        Credentials::access_key(key()).authenticate(&mut request, Timestamp::now());
        transport.send(request, &Attempt::first()).await.unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen.len(), requests.len());
    for request in seen {
        let verified = verify(&request, Timestamp::now(), |_| Some(key()));
        let verified = verified.unwrap_or_else(|error| panic!("{error}: {request:?}"));
        let text = verified.canonical_request().to_string();
        assert!(
            text.contains("\ncontent-type;host;x-project-id;x-sdk-date;x-security-token\n"),
            "{text}"
        );
        assert_eq!(request.headers().get_all("host").iter().count(), 1);
    }
}

#[tokio::test]
async fn logins_and_lookups_arrive_complete() {
    let token = "HTTP/1.1 201 Created\r\nX-Subject-Token: MIID\r\nContent-Length: 2\r\n\r\n{}";
    let projects = r#"{"projects":[{"id":"p1","name":"eu-de"}]}"#;
    let plays = [
        Play::new().read_request().send(token),
        Play::new().reply(StatusCode::OK, projects),
    ];
    let server = Tarpit::start(plays).await.unwrap();
    let iam = IamClient::new(Arc::new(transport()), &server.url()).unwrap();
    let user = User::name("ops", Reference::name("OTC1"));
    let tokens =
        iam.tokens(Login::password(user, "sesame \"ö\"").for_project(Reference::name("eu-de")));
    let credentials = tokens.credentials().await.unwrap();
    let project = iam.find_project(&credentials, "eu-de").await.unwrap();
    assert_eq!(project.id, "p1");

    let seen = server.seen();
    let body: serde_json::Value = serde_json::from_slice(seen[0].body()).unwrap();
    let password = body.pointer("/auth/identity/password/user/password");
    assert_eq!(password.unwrap(), "sesame \"ö\"");
    assert_eq!(seen[1].headers()["x-auth-token"], "MIID");
    assert_eq!(seen[1].uri().path(), "/v3/projects");
}

#[tokio::test]
async fn metadata_keys_arrive_and_sign() {
    let keys = r#"{"credential":{"access":"AK1","secret":"SK1","securitytoken":"T1"}}"#;
    let play = Play::new()
        .reply(StatusCode::OK, "session-1")
        .reply(StatusCode::OK, keys);
    let server = Tarpit::start([play]).await.unwrap();
    let provider = MetadataKeys::at(Arc::new(transport()), &server.url());
    let credentials = provider.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), Some("AK1"));
    let seen = server.seen();
    assert_eq!(seen[0].method(), "PUT");
    assert_eq!(seen[1].headers()["x-metadata-token"], "session-1");

    let mut request = Request::get("https://ecs.example/v1/p/jobs/j")
        .body(Bytes::new())
        .unwrap();
    let now = Timestamp::now();
    credentials.authenticate(&mut request, now);
    let key = AccessKey::new("AK1", "SK1")
        .unwrap()
        .with_security_token("T1")
        .unwrap();
    verify(&request, now, |_| Some(&key)).unwrap();
}
