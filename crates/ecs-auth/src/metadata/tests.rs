use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::testing::{RecordingTransport, ScriptedTransport};
use ecs_transport::{Delivery, TransportErrorKind};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, advance};

use super::{MetadataKeys, RENEW_AHEAD};
use crate::{AuthErrorKind, Credentials, CredentialsProvider};

fn keys(id: &str, hours: i64) -> String {
    let end = Timestamp::now() + SignedDuration::from_hours(hours);
    format!(
        r#"{{"credential":{{"access":"{id}","secret":"MFyfvK41","securitytoken":"gQpjbi1u","expires_at":"{end}"}}}}"#
    )
}

type Recording = RecordingTransport<ScriptedTransport>;

fn provider(script: ScriptedTransport) -> (MetadataKeys, Recording) {
    let transport = RecordingTransport::new(script);
    (MetadataKeys::new(Arc::new(transport.clone())), transport)
}

fn id(credentials: &Credentials) -> String {
    let shown = format!("{credentials:?}");
    assert!(shown.contains("temporary: true"), "{shown}");
    assert!(
        !shown.contains("MFyf") && !shown.contains("gQpj"),
        "{shown}"
    );
    shown.split('"').nth(1).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn keys_come_from_the_protected_variant_with_its_token() {
    let script = ScriptedTransport::new()
        .respond(StatusCode::OK, "session-1\n")
        .respond(StatusCode::OK, keys("AK1", 24));
    let (provider, transport) = provider(script);
    assert_eq!(id(&provider.credentials().await.unwrap()), "AK1");
    let requests = transport.requests();
    assert_eq!(requests[0].method(), "PUT");
    assert_eq!(
        requests[0].uri(),
        "http://169.254.169.254/meta-data/latest/api/token"
    );
    assert_eq!(
        requests[0].headers()["x-metadata-token-ttl-seconds"],
        "21600"
    );
    assert_eq!(requests[1].method(), "GET");
    assert_eq!(
        requests[1].uri(),
        "http://169.254.169.254/openstack/latest/securitykey"
    );
    assert_eq!(requests[1].headers()["x-metadata-token"], "session-1");
    assert!(!format!("{requests:?} {provider:?}").contains("session-1"));
}

#[tokio::test(start_paused = true)]
async fn keys_come_from_the_plain_variant_where_there_is_no_other() {
    for status in [400, 404, 405, 501] {
        let script = ScriptedTransport::new()
            .respond(StatusCode::from_u16(status).unwrap(), "")
            .respond(StatusCode::OK, keys("AK1", 24));
        let (provider, transport) = provider(script);
        assert_eq!(id(&provider.credentials().await.unwrap()), "AK1");
        let headers = transport.requests()[1].headers().clone();
        assert!(!headers.contains_key("x-metadata-token"));
    }
}

#[tokio::test(start_paused = true)]
async fn other_keys_are_fetched_when_less_than_forty_minutes_remain() {
    assert_eq!(RENEW_AHEAD, Duration::from_secs(2400));
    let script = ["AK1", "AK2"]
        .into_iter()
        .fold(ScriptedTransport::new(), |script, id| {
            script
                .respond(StatusCode::NOT_FOUND, "")
                .respond(StatusCode::OK, keys(id, 24))
        });
    let (provider, transport) = provider(script);
    provider.credentials().await.unwrap();
    // The wall clock determines the end, so a second is left as margin.
    advance(Duration::from_secs(24 * 3600 - 2400 - 2)).await;
    assert_eq!(id(&provider.credentials().await.unwrap()), "AK1");
    advance(Duration::from_secs(3)).await;
    assert_eq!(id(&provider.credentials().await.unwrap()), "AK2");
    assert_eq!(transport.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_due_from_the_start_are_not_fetched_at_each_request() {
    let end = Timestamp::now() + SignedDuration::from_mins(20);
    let short =
        keys("AK1", 0).replace(r#"expires_at":""#, &format!(r#"expires_at":"{end}","x":""#));
    let script = (0..4).fold(ScriptedTransport::new(), |script, _| {
        script
            .respond(StatusCode::NOT_FOUND, "")
            .respond(StatusCode::OK, short.clone())
    });
    let (provider, transport) = provider(script);
    for _ in 0..100 {
        provider.credentials().await.unwrap();
    }
    assert_eq!(transport.calls(), 2);
    advance(Duration::from_secs(30)).await;
    for _ in 0..100 {
        provider.credentials().await.unwrap();
    }
    assert_eq!(transport.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn missing_agency_is_reported_with_advice() {
    for status in [401, 404] {
        let script = ScriptedTransport::new()
            .respond(StatusCode::OK, "session-1")
            .respond(
                StatusCode::from_u16(status).unwrap(),
                r#"{"message":"Please configure it"}"#,
            );
        let (provider, _) = provider(script);
        let error = provider.credentials().await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Refused);
        assert!(error.to_string().contains("agency"), "{error}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains("Please configure it"), "{source}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_metadata_service_fails_soon() {
    let (hanging, _) = provider(ScriptedTransport::new().hang());
    let began = Instant::now();
    assert!(hanging.credentials().await.unwrap_err().is_temporary());
    assert_eq!(began.elapsed(), Duration::from_secs(4));

    let unreachable = ScriptedTransport::new().fail(TransportErrorKind::Connect, Delivery::NotSent);
    let (unreachable, _) = provider(unreachable);
    assert!(unreachable.credentials().await.unwrap_err().is_temporary());
}

#[tokio::test(start_paused = true)]
async fn invalid_keys_are_errors_without_the_keys() {
    let expired = keys("AK1", -1);
    for (session, body, expected) in [
        ((200, ""), "", "no usable session token"),
        ((200, "a\nb"), "", "no usable session token"),
        ((503, ""), "", "503"),
        ((404, ""), "<html>", "without keys"),
        (
            (404, ""),
            r#"{"credential":{"access":"AK1"}}"#,
            "without keys",
        ),
        (
            (404, ""),
            r#"{"credential":{"access":"AK1","secret":"MFyf \n","securitytoken":"gQpj"}}"#,
            "secret key has",
        ),
        ((404, ""), &*expired, "expired already"),
    ] {
        let script = ScriptedTransport::new()
            .respond(StatusCode::from_u16(session.0).unwrap(), session.1)
            .respond(StatusCode::OK, Bytes::from(body.to_owned()));
        let (provider, _) = provider(script);
        let error = provider.credentials().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(
            !shown.contains("MFyf") && !shown.contains("gQpj"),
            "{shown}"
        );
    }
}
