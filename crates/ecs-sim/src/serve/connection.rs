//! A connection.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Encrypted, REQUEST_LIMIT};
use crate::SharedRegion;
use crate::clock::Clock;

/// The time limit of a client's TLS handshake, and of the head of a request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves one connection to its end. Errors are ignored: only the client can react to them.
pub(super) async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    region: SharedRegion,
    clock: Arc<Clock>,
    watcher: Watcher,
) {
    // Answers are small: Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => serve_http(stream, false, region, clock, watcher).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                serve_http(stream, true, region, clock, watcher).await;
            }
        }
    }
}

async fn serve_http<S>(
    stream: S,
    encrypted: bool,
    region: SharedRegion,
    clock: Arc<Clock>,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        let (region, clock) = (region.clone(), Arc::clone(&clock));
        async move { Ok::<_, Infallible>(answer(request, &region, &clock).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let _ = watcher.watch(connection).await;
}

async fn answer(
    request: http::Request<Incoming>,
    region: &SharedRegion,
    clock: &Clock,
) -> http::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // A client that announces too much gets its answer at once.
    if body.size_hint().lower() > REQUEST_LIMIT as u64 {
        return too_large(region);
    }
    match Limited::new(body, REQUEST_LIMIT).collect().await {
        Ok(body) => {
            let request = http::Request::from_parts(head, body.to_bytes());
            let response = region.with(|region| region.handle(&request, clock.now()));
            response.map(Full::new)
        }
        Err(error) if error.is::<LengthLimitError>() => too_large(region),
        // The client left during its request: it was not received, so nothing is done. No client reads
        // this answer.
        Err(_) => {
            let mut response = http::Response::new(Full::default());
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            response
        }
    }
}

fn too_large(region: &SharedRegion) -> http::Response<Full<Bytes>> {
    let mut response = region.with(|region| region.refuse_too_large(REQUEST_LIMIT));
    // The rest of the body is not read, so the connection cannot be reused.
    response.headers_mut().insert(
        http::header::CONNECTION,
        http::HeaderValue::from_static("close"),
    );
    response.map(Full::new)
}
