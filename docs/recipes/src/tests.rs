//! The results of both transports about faults on a real socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{Attempt, Delivery, Transport, TransportError};
use http::StatusCode;

use crate::over_reqwest::OverReqwest;
use crate::over_tower::stack;

fn transports() -> [(&'static str, Arc<dyn Transport>); 2] {
    [
        ("reqwest", Arc::new(OverReqwest::new().unwrap())),
        ("tower", stack()),
    ]
}

fn post(url: &str) -> http::Request<Bytes> {
    let request = http::Request::post(url);
    request.body(Bytes::from_static(b"{}")).unwrap()
}

/// The error of one action. It never claims less than its mark.
async fn fail(transport: &dyn Transport, url: &str) -> TransportError {
    let attempt = Attempt::first().with_timeout(Duration::from_secs(2));
    let sending = transport.send(post(url), &attempt);
    let limit = Duration::from_secs(3);
    let ended = tokio::time::timeout(limit, sending).await;
    let error = ended.map_or_else(
        |_| TransportError::unknown("the caller's time is over"),
        |answer| answer.unwrap_err(),
    );
    assert!(!(error.is_not_sent() && attempt.mark().is_set()));
    error
}

#[tokio::test]
async fn an_action_is_answered() {
    for (name, transport) in transports() {
        let server = Tarpit::always(Play::new().reply(StatusCode::ACCEPTED, "{}")).await;
        let server = server.unwrap();
        let answer = transport.send(post(&server.url()), &Attempt::first()).await;
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status(), answer.body().as_ref()),
            (StatusCode::ACCEPTED, &b"{}"[..])
        );
        assert_eq!(server.seen()[0].body(), "{}", "{name}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_certain() {
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for (name, transport) in transports() {
        for url in [
            format!("http://{closed}/"),
            "http://ecs.invalid/".to_owned(),
        ] {
            let error = fail(&*transport, &url).await;
            assert_eq!(
                error.delivery(),
                Delivery::NotSent,
                "{name} {url} {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_that_was_read_is_never_called_unsent() {
    for (name, transport) in transports() {
        for play in [
            Play::new().read_request(),
            Play::new().read_request().reset(),
            Play::new().read_request().hang(),
            Play::new().read_request().send("SSH-2.0\r\n\r\n"),
            Play::new()
                .read_request()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        ] {
            let server = Tarpit::always(play.clone()).await.unwrap();
            let error = fail(&*transport, &server.url()).await;
            assert_eq!(
                error.delivery(),
                Delivery::MaybeSent,
                "{name} {play:?} {error:?}"
            );
            assert_eq!(server.requests(), 1, "{name} {play:?}");
        }
    }
}

#[tokio::test]
async fn redirects_are_answers() {
    for (name, transport) in transports() {
        let redirect = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://ecs.invalid/\r\nContent-Length: 0\r\n\r\n";
        let server = Tarpit::always(Play::new().read_request().send(redirect))
            .await
            .unwrap();
        let answer = transport
            .send(post(&server.url()), &Attempt::first())
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT, "{name}");
        assert_eq!(server.requests(), 1, "{name}");
    }
}

/// A layer around the transport retries after a lost answer.
#[tokio::test]
async fn an_attempt_is_sent_once() {
    for (name, transport) in transports() {
        let server = Tarpit::always(Play::new().read_request().reset()).await;
        let server = server.unwrap();
        let attempt = Attempt::first();
        for _ in 0..3 {
            let answer = transport.send(post(&server.url()), &attempt).await;
            let error = answer.unwrap_err();
            assert_eq!(error.delivery(), Delivery::MaybeSent, "{name} {error:?}");
        }
        assert_eq!(server.requests(), 1, "{name}");
    }
}
