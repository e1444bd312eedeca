//! Kept-alive connections, and requests that meet one which the server has closed.
//!
//! Where it matters the server runs on a runtime of its own, so that its close can arrive while the
//! client's tasks stand still: the client then finds a connection in its pool that it takes for a
//! good one.

use std::time::Duration;

use crate::common::{builder, fail, get, post, send, transport};
use ecs_transport::testing::{Play, Signal, Tarpit};
use ecs_transport::{Attempt, Delivery, HyperTransport, Transport, TransportErrorKind as Kind};
use http::StatusCode;
use tokio::runtime::{Builder, Runtime};

fn answer() -> Play {
    Play::new().reply(StatusCode::OK, "{}")
}

/// The server: a first connection that is closed by a signal, and optionally further ones.
struct Server {
    tarpit: Tarpit,
    close: Signal,
    _runtime: Background,
}

/// A runtime that can be dropped inside another one.
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

/// Makes one successful exchange, after which the server closes before the client's only thread
/// notices.
async fn leave_a_stale_connection(transport: &HyperTransport, server: &Server) {
    send(transport, get(server.tarpit.url())).await.unwrap();
    // The client's tasks put the connection into the pool.
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.close.give();
    while server.tarpit.closed() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn idempotent_requests_reuse_connections() {
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
async fn actions_have_their_own_connections() {
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
async fn idle_connections_are_closed_in_time() {
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
async fn closed_connections_are_replaced() {
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
async fn returned_requests_are_sent_once_on_a_new_connection() {
    let server = server([answer()]).await;
    let transport = transport();
    leave_a_stale_connection(&transport, &server).await;
    // The runtime notices the close, but the connection's task only runs after this one.
    tokio::task::yield_now().await;
    send(&transport, get(server.tarpit.url())).await.unwrap();
    assert_eq!(
        (server.tarpit.connections(), server.tarpit.requests()),
        (2, 2)
    );
}

#[tokio::test]
async fn returned_and_then_refused_requests_are_not_sent() {
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
    // The mark was set when the stale connection was chosen, and retracted when that gave the
    // request back.
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}

/// The case for which actions do not use pooled connections: the bytes leave, and no process reads
/// them.
#[tokio::test]
async fn requests_written_to_stale_connections_may_have_been_sent() {
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
async fn actions_do_not_meet_stale_connections() {
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
async fn requests_read_on_pooled_connections_are_not_sent_again() {
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
