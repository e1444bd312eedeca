//! A transport on a stack of tower layers.

use std::sync::Arc;

use bytes::Bytes;
use ecs_transport::{Delivery, ServiceTransport, Transport, TransportError, TransportErrorKind};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tower::ServiceBuilder;
use tower_http::trace::TraceLayer;

/// At most four requests at once, each traced, over hyper-util's client.
pub fn stack() -> Arc<dyn Transport> {
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build_http::<Full<Bytes>>();
    let service = ServiceBuilder::new()
        .concurrency_limit(4)
        .layer(TraceLayer::new_for_http())
        // Last, so that it sees the client's own errors.
        .map_err(failure)
        .service(client);
    Arc::new(ServiceTransport::with_bodies(service))
}

/// hyper-util raises `is_connect` only before it has a connection to write to.
fn failure(error: Error) -> TransportError {
    if error.is_connect() {
        TransportError::new(TransportErrorKind::Connect, Delivery::NotSent).with_source(error)
    } else {
        TransportError::unknown(error)
    }
}
