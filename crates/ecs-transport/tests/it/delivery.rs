//! Delivery on real sockets: when a request is `NotSent`, when `MaybeSent`, and what the mark says.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::common::{builder, closed_port, fail, get, let_time_run_out, post, send, transport};
use bytes::Bytes;
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{
    Attempt, Delivery, HyperTransportBuilder, Transport, TransportError, TransportErrorKind as Kind,
};
use http::{Request, StatusCode};

#[tokio::test]
async fn refused_connections_send_nothing() {
    let address = closed_port();
    let error = fail(&transport(), post(format!("http://{address}/"))).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Connect, Delivery::NotSent)
    );
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn unresolved_names_send_nothing() {
    // A machine without a network may take long to fail.
    let transport = builder()
        .connect_timeout(Duration::from_secs(50))
        .build()
        .unwrap();
    let error = fail(&transport, post("http://ecs.invalid/")).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Dns, Delivery::NotSent)
    );
    assert!(error.to_string().contains("ecs.invalid:80"), "{error}");
}

#[tokio::test]
async fn invalid_requests_send_nothing() {
    let error = fail(&transport(), post("/no/host")).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Request, Delivery::NotSent)
    );
}

#[tokio::test]
async fn close_after_accept_is_never_reported_unsent_once_a_connection_had_the_request() {
    let server = Tarpit::always(Play::new()).await.unwrap();
    let transport = transport();
    for _ in 0..50 {
        // The kernel decides whether the close or the request is first. Both outcomes are right,
        // and `send` checks that mark and error agree.
        let error = send(&transport, post(server.url())).await.unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Closed | Kind::Cancelled),
            "{error:?}"
        );
        assert!(
            error.kind() != Kind::Cancelled || error.is_not_sent(),
            "{error:?}"
        );
    }
    assert_eq!((server.connections(), server.requests()), (50, 0));
}

#[tokio::test]
async fn reset_after_the_request_was_read_may_have_been_sent() {
    let server = Tarpit::always(Play::new().read_request().reset())
        .await
        .unwrap();
    let error = fail(&transport(), post(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert_eq!(server.requests(), 1, "sent once, and not again");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn closed_after_the_request_was_read_may_have_been_sent() {
    let server = Tarpit::always(Play::new().read_request()).await.unwrap();
    let error = fail(&transport(), post(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert_eq!((server.connections(), server.requests()), (1, 1));
}

#[tokio::test]
async fn reset_in_the_middle_of_a_large_request_may_have_been_sent() {
    let server = Tarpit::always(Play::new().read_byte().reset())
        .await
        .unwrap();
    let request = Request::post(server.url())
        .body(Bytes::from(vec![b'x'; 32 << 20]))
        .unwrap();
    let error = fail(&transport(), request).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert_eq!((server.connections(), server.requests()), (1, 0));
}

#[tokio::test]
async fn cut_heads_are_closed_connections() {
    let play = Play::new()
        .read_request()
        .send("HTTP/1.1 200 OK\r\nX-Request-Id: r");
    let server = Tarpit::always(play).await.unwrap();
    let error = fail(&transport(), post(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert!(error.head().is_none());
}

/// Sends a request whose handshake gets no answer, so that there is a connection on which nothing
/// can be sent yet.
async fn run_out_of_time_in_the_handshake(transport: HyperTransportBuilder) -> TransportError {
    let server = Tarpit::always(Play::new().hang()).await.unwrap();
    let request = post(server.url().replace("http", "https"));
    let transport = transport
        .ca_pem(crate::common::pki(&[]).ca_pem)
        .build()
        .unwrap();
    let failing = tokio::spawn(async move { fail(&transport, request).await });
    server.wait_for_connections(1).await;
    let_time_run_out().await;
    let error = failing.await.unwrap();
    assert!(
        error.to_string().contains(&server.address().to_string()),
        "{error}"
    );
    error
}

#[tokio::test]
async fn timeout_before_sending_sends_nothing() {
    let error = run_out_of_time_in_the_handshake(builder().connect_timeout(Duration::MAX)).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Timeout, Delivery::NotSent)
    );
}

#[tokio::test]
async fn connect_timeout_sends_nothing() {
    let error = run_out_of_time_in_the_handshake(builder().attempt_timeout(Duration::MAX)).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Connect, Delivery::NotSent)
    );
    assert!(error.to_string().contains("within 10s"), "{error}");
}

#[tokio::test]
async fn timeout_after_sending_may_have_sent() {
    let server = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let request = post(server.url());
    let failing = tokio::spawn(async move { fail(&transport(), request).await });
    server.wait_for_requests(1).await;
    let_time_run_out().await;
    let error = failing.await.unwrap();
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Timeout, Delivery::MaybeSent)
    );
    assert!(error.to_string().contains("60s"), "{error}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn timeout_of_the_attempt_takes_precedence() {
    let server = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let transport = builder().attempt_timeout(Duration::MAX).build().unwrap();
    let attempt = Attempt::first().with_timeout(Duration::from_millis(300));
    let error = transport
        .send(post(server.url()), &attempt)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().contains("300ms"), "{error}");
}

#[tokio::test]
async fn future_dropped_before_its_first_poll_sends_nothing() {
    let server = Tarpit::always(Play::new().hang()).await.unwrap();
    let attempt = Attempt::first();
    drop(transport().send(post(server.url()), &attempt));
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}

#[tokio::test]
async fn future_dropped_before_sending_sends_nothing() {
    let server = Tarpit::always(Play::new().hang()).await.unwrap();
    let transport = builder()
        .ca_pem(crate::common::pki(&[]).ca_pem)
        .build()
        .unwrap();
    let attempt = Attempt::first();
    let request = post(server.url().replace("http", "https"));
    tokio::select! {
        result = transport.send(request, &attempt) => panic!("it cannot end: {result:?}"),
        () = server.wait_for_connections(1) => {}
    }
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}

#[tokio::test]
async fn future_dropped_after_sending_may_have_sent() {
    let server = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let (transport, attempt) = (transport(), Attempt::first());
    tokio::select! {
        result = transport.send(post(server.url()), &attempt) => panic!("it cannot end: {result:?}"),
        () = server.wait_for_requests(1) => {}
    }
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

/// A layer above that retries, after a lost answer: the attempt is not sent again, and a connection
/// that is refused then does not make it unsent.
#[tokio::test]
async fn an_attempt_is_sent_once() {
    let server = Tarpit::always(Play::new().read_request().reset())
        .await
        .unwrap();
    let (transport, attempt) = (transport(), Attempt::first());
    let error = transport.send(post(server.url()), &attempt).await;
    assert_eq!(error.unwrap_err().delivery(), Delivery::MaybeSent);
    for url in [server.url(), format!("http://{}", closed_port())] {
        let error = transport.send(post(url), &attempt).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::MaybeSent);
        assert!(error.to_string().contains("was sent before"), "{error}");
        assert!(attempt.mark().is_set());
    }
    assert_eq!(server.requests(), 1);
}

/// In a task of its own, which outlives its caller.
#[tokio::test]
async fn a_closed_attempt_is_not_sent() {
    let server = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let attempt = Attempt::first();
    let (transport, request) = (transport(), post(server.url()));
    let sending = transport.send(request, &attempt);
    attempt.mark().close();
    let error = sending.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Cancelled, Delivery::NotSent)
    );
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
    assert_eq!(server.requests(), 0);
}

/// The mark can be read while the future still exists: a peer that sees the request arrive sees the
/// mark set.
#[tokio::test]
async fn mark_is_set_before_anything_arrives() {
    let server = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let (transport, attempt) = (transport(), Attempt::first());
    let mut sending = pin!(transport.send(post(server.url()), &attempt));
    let mut held = 0;
    while server.requests() == 0 {
        let polled = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        held += usize::from(attempt.mark().delivery() == Delivery::NotSent);
        tokio::task::yield_now().await; // lets the connection and the server run
    }
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    assert!(held > 0, "there is a time before the connection is made");
}

#[tokio::test]
async fn complete_response_leaves_the_mark_set() {
    let server = Tarpit::always(Play::new().reply(StatusCode::ACCEPTED, "{}"))
        .await
        .unwrap();
    let attempt = Attempt::first();
    let response = transport()
        .send(post(server.url()), &attempt)
        .await
        .unwrap();
    assert_eq!(
        (response.status(), &response.body()[..]),
        (StatusCode::ACCEPTED, &b"{}"[..])
    );
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    assert_eq!(server.requests(), 1);
}

#[test]
fn exchange_outside_of_a_runtime_fails_without_panic() {
    let attempt = Attempt::first();
    let transport = transport();
    let sending = transport.send(get("http://127.0.0.1:1/"), &attempt);
    let error = futures_util::FutureExt::now_or_never(sending)
        .unwrap()
        .unwrap_err();
    assert!(error.is_not_sent());
    assert!(error.to_string().contains("runtime"), "{error}");
}
