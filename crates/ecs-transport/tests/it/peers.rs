//! Tests of the test peers.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::common::{get, post, transport};
use bytes::Bytes;
use ecs_transport::testing::{
    Outcome, Play, RecordingTransport, ScriptedTransport, Signal, Tarpit,
};
use ecs_transport::{Attempt, Delivery, Transport, TransportError, TransportErrorKind as Kind};
use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn exhausted_scripts_fail_as_maybe_sent() {
    let transport = ScriptedTransport::new();
    let attempt = Attempt::first();
    let error = transport
        .send(post("http://ecs.example/"), &attempt)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Other, Delivery::MaybeSent)
    );
    assert!(error.to_string().contains("no step for call 1"), "{error}");
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

#[tokio::test]
async fn scripts_use_the_mark_as_real_transports_do() {
    let transport = ScriptedTransport::new()
        .fail(Kind::Connect, Delivery::NotSent)
        .fail(Kind::Closed, Delivery::MaybeSent)
        .hang();
    for expected in [Delivery::NotSent, Delivery::MaybeSent] {
        let attempt = Attempt::first();
        let error = transport
            .send(post("http://ecs.example/"), &attempt)
            .await
            .unwrap_err();
        assert_eq!(
            (error.delivery(), attempt.mark().delivery()),
            (expected, expected)
        );
    }
    let attempt = Attempt::first();
    assert!(
        futures_util::FutureExt::now_or_never(
            transport.send(post("http://ecs.example/"), &attempt)
        )
        .is_none()
    );
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    assert_eq!((transport.calls(), transport.remaining()), (3, 0));
}

#[tokio::test]
async fn records_hold_every_outcome() {
    let script = ScriptedTransport::new()
        .respond(StatusCode::OK, "{}")
        .fail(Kind::Dns, Delivery::NotSent)
        .hang();
    let transport = RecordingTransport::new(script);
    transport
        .send(get("http://ecs.example/1"), &Attempt::first())
        .await
        .unwrap();
    transport
        .send(get("http://ecs.example/2"), &Attempt::new(2))
        .await
        .unwrap_err();
    let attempt = Attempt::new(3);
    let mut hanging = transport.send(get("http://ecs.example/3"), &attempt);
    assert!(futures_util::FutureExt::now_or_never(&mut hanging).is_none());
    assert!(matches!(transport.record()[2].outcome(), Outcome::Pending));
    drop(hanging);

    let record = transport.record();
    assert!(matches!(record[0].outcome(), Outcome::Response(response) if response.body() == "{}"));
    assert!(matches!(
        record[1].outcome(),
        Outcome::Failed {
            kind: Kind::Dns,
            delivery: Delivery::NotSent,
            ..
        }
    ));
    assert!(matches!(record[2].outcome(), Outcome::Dropped));
    let attempts: Vec<_> = record.iter().map(|recorded| recorded.attempt()).collect();
    let paths: Vec<_> = transport
        .requests()
        .iter()
        .map(|request| request.uri().path().to_owned())
        .collect();
    assert_eq!(
        (attempts, paths),
        (vec![1, 2, 3], vec!["/1".into(), "/2".into(), "/3".into()])
    );
    assert_eq!((transport.calls(), transport.inner().calls()), (3, 3));
}

#[tokio::test]
async fn debug_masks_secrets() {
    let token = |headers: &mut http::HeaderMap| {
        for name in [
            "authorization",
            "x-auth-token",
            "x-subject-token",
            "set-cookie",
        ] {
            headers.insert(name, "hunter2".parse().unwrap());
        }
    };
    let mut response = Response::new(Bytes::from_static(b"hunter2"));
    token(response.headers_mut());
    let mut headers = response.headers().clone();
    headers.insert("x-request-id", "r-1".parse().unwrap());
    let script = ScriptedTransport::new().response(response);
    let transport = RecordingTransport::new(script);
    let mut request = post("http://ecs.example/");
    token(request.headers_mut());
    *request.body_mut() = Bytes::from_static(b"hunter2");
    transport.send(request, &Attempt::first()).await.unwrap();

    let error = TransportError::new(Kind::BodyCut, Delivery::MaybeSent)
        .with_head(StatusCode::CREATED, headers);
    let shown = format!("{transport:?} {error:?} {error}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("x-auth-token") && shown.contains("r-1"),
        "{shown}"
    );
}

#[tokio::test]
async fn server_plays_its_scripts_and_closes_later_connections() {
    let go = Signal::new();
    let server = Tarpit::start([
        Play::new().read_request().wait_for(&go).send("late"),
        Play::new().send("early"),
    ])
    .await
    .unwrap();
    assert!(
        server.address().ip() == Ipv4Addr::LOCALHOST
            && server.url().starts_with("http://127.0.0.1:")
    );

    let mut first = TcpStream::connect(server.address()).await.unwrap();
    server.wait_for_connections(1).await;
    first
        .write_all(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{")
        .await
        .unwrap();
    assert_eq!(server.requests(), 0);
    first.write_all(b"}").await.unwrap();
    server.wait_for_requests(1).await;
    assert_eq!(
        (server.seen()[0].uri().path(), server.seen()[0].body()),
        ("/a", &Bytes::from_static(b"{}"))
    );

    let mut rest = String::new();
    TcpStream::connect(server.address())
        .await
        .unwrap()
        .read_to_string(&mut rest)
        .await
        .unwrap();
    assert_eq!(rest, "early");
    assert_eq!(
        TcpStream::connect(server.address())
            .await
            .unwrap()
            .read(&mut [0])
            .await
            .unwrap(),
        0
    );
    go.give();
    go.given().await;
    rest.clear();
    first.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "late");
    assert_eq!((server.connections(), server.requests()), (3, 1));

    let (address, shown) = (server.address(), format!("{server:?}"));
    assert!(shown.contains("connections: 3"), "{shown}");
    drop(server);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn slow_server_sends_byte_by_byte_and_plays_the_next_script() {
    let slow = Play::new().send_slowly("ab", Duration::from_millis(20));
    let server = Tarpit::start_then([slow], Play::new().send("then"))
        .await
        .unwrap();
    let began = std::time::Instant::now();
    let mut read = String::new();
    for expected in ["ab", "then", "then"] {
        let mut peer = TcpStream::connect(server.address()).await.unwrap();
        read.clear();
        peer.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, expected);
    }
    assert!(began.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn resets_are_seen_as_resets() {
    let server = Tarpit::always(Play::new().read_request().reset())
        .await
        .unwrap();
    let mut peer = TcpStream::connect(server.address()).await.unwrap();
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let error = peer.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn recording_transport_reaches_a_server() {
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, "hello"))
        .await
        .unwrap();
    let transport = RecordingTransport::new(transport());
    let response = transport
        .send(get(server.url()), &Attempt::first())
        .await
        .unwrap();
    assert_eq!(response.body(), "hello");
    assert_eq!((transport.calls(), server.requests()), (1, 1));
}
