//! Kept-alive connections, and what happens when the server has closed one.
//!
//! Where it matters the server runs on a runtime of its own, so that its close can arrive while the client's tasks
//! stand still: the client then finds a connection in its pool that it takes for a good one.

use std::time::Duration;

use crate::common::{builder, fail, get, post, send, transport};
use ecs_transport::testing::{Play, Signal, Tarpit};
use ecs_transport::{Attempt, Delivery, HyperTransport, Transport, TransportErrorKind as Kind};
use http::StatusCode;
use tokio::runtime::{Builder, Runtime};

fn answer() -> Play {
    Play::new().reply(StatusCode::OK, "{}")
}

/// The server's side: a first connection that is closed when told, and perhaps further ones.
struct Server {
    tarpit: Tarpit,
    close: Signal,
    _runtime: Background,
}

/// A runtime that can be dropped inside of another.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

async fn server(further: impl IntoIterator<Item = Play>) -> Server {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let close = Signal::new();
    let plays: Vec<_> = std::iter::once(answer().wait_for(&close))
        .chain(further)
        .collect();
    Server {
        tarpit: runtime.spawn(Tarpit::start(plays)).await.unwrap().unwrap(),
        close,
        _runtime: Background(Some(runtime)),
    }
}

/// One good exchange, after which the server closes, and the client's only thread has not looked yet.
async fn leave_a_stale_connection(transport: &HyperTransport, server: &Server) {
    send(transport, get(server.tarpit.url())).await.unwrap();
    // Lets the client's tasks put the connection into the pool.
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.close.give();
    while server.tarpit.closed() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_connection_is_used_again_for_what_may_be_repeated() {
    let server = Tarpit::always(
        answer()
            .reply(StatusCode::OK, "{}")
            .reply(StatusCode::OK, "{}"),
    )
    .await
    .unwrap();
    let transport = transport();
    send(&transport, get(server.url())).await.unwrap();
    send(&transport.clone(), get(server.url())).await.unwrap();
    send(&transport, get(server.url())).await.unwrap();
    assert_eq!((server.connections(), server.requests()), (1, 3));
}

#[tokio::test]
async fn an_action_has_a_connection_of_its_own() {
    let server = Tarpit::always(answer().reply(StatusCode::OK, "{}"))
        .await
        .unwrap();
    let transport = transport();
    send(&transport, get(server.url())).await.unwrap();
    send(&transport, post(server.url())).await.unwrap();
    send(&transport, post(server.url())).await.unwrap();
    send(&transport, get(server.url())).await.unwrap();
    assert_eq!((server.connections(), server.requests()), (3, 4));
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let server = Tarpit::always(answer().reply(StatusCode::OK, "{}"))
        .await
        .unwrap();
    let transport = builder()
        .pool_idle_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    send(&transport, get(server.url())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    send(&transport, get(server.url())).await.unwrap();
    assert_eq!((server.connections(), server.requests()), (2, 2));
}

#[tokio::test]
async fn a_connection_that_was_seen_to_close_is_replaced() {
    let server = server([answer()]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    send(&transport, get(server.tarpit.url())).await.unwrap();
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (2, 2)
    );
}

#[tokio::test]
async fn what_a_stale_connection_gives_back_goes_over_a_new_one_and_is_seen_once() {
    let server = server([answer()]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    // The close is noticed by the runtime, but the connection's task only runs after ours.
    tokio::task::yield_now().await;
    send(&transport, get(server.tarpit.url())).await.unwrap();
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (2, 2)
    );
}

#[tokio::test]
async fn what_a_stale_connection_gave_back_and_a_refused_one_never_got_was_not_sent() {
    let server = server([]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    let (url, address) = (server.tarpit.url(), server.tarpit.address());
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (1, 1)
    );
    drop(server.tarpit);
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    tokio::task::yield_now().await;
    let attempt = Attempt::first();
    let error = transport.send(get(url), &attempt).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Connect, Delivery::NotSent)
    );
    // It was set when the stale connection was chosen, and retracted when that gave the request back.
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}

/// The case for which actions do not use kept connections: the bytes leave, and nobody reads them.
#[tokio::test]
async fn what_was_written_to_a_stale_connection_may_have_been_sent() {
    let server = server([answer()]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    let error = fail(&transport, get(server.tarpit.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (1, 1)
    );
}

#[tokio::test]
async fn an_action_does_not_meet_a_stale_connection() {
    let server = server([answer()]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    send(&transport, post(server.tarpit.url())).await.unwrap();
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (2, 2)
    );
}

#[tokio::test]
async fn a_request_that_was_read_on_a_kept_connection_is_not_sent_again() {
    let server = Tarpit::always(answer().read_request().reset())
        .await
        .unwrap();
    let transport = transport();
    send(&transport, get(server.url())).await.unwrap();
    let error = fail(&transport, get(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Closed, Delivery::MaybeSent)
    );
    assert_eq!((server.connections(), server.requests()), (1, 2));
}
