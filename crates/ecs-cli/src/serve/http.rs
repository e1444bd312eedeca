//! Connections: HTTP/1.1, with limits.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::site::Site;

/// The most open connections. Further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// The time limit for the head of a request, and for an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head.
const MOST_HEAD: usize = 16 * 1024;
/// The time limit for a client that does not read its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that connections have to end when the server ends.
const GRACE: Duration = Duration::from_secs(5);
/// The pause after a failed accept, mostly because of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then calls `ending`, which ends the streams.
pub(super) async fn serve(
    listener: TcpListener,
    site: Arc<Site>,
    stop: impl Future<Output = ()>,
    ending: impl FnOnce(),
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (site, watcher) = (Arc::clone(&site), graceful.watcher());
                connections.spawn(async move {
                    connection(stream, peer, site, watcher).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    ending();
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// Serves one connection to its end. Its errors concern only the client.
async fn connection(stream: TcpStream, peer: SocketAddr, site: Arc<Site>, watcher: Watcher) {
    // Events are small: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |request| {
        let response = Arc::clone(&site).respond(request, peer.ip());
        async move { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let _ = watcher.watch(connection).await;
}
