//! Transports made of tower services.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;

use bytes::Bytes;
use tower_service::Service;

use crate::{Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind};

#[cfg(feature = "body")]
mod bodies;

#[cfg(feature = "body")]
pub use bodies::BodyTransport;

/// A transport on any cloneable tower service of `http::Request<Bytes>` to `http::Response<Bytes>`.
///
/// The request's extensions hold the [`Attempt`]: its number for metrics, its time limit, and its mark for a service that
/// knows when the first byte leaves.
///
/// What is said about delivery:
/// - A service that does not become ready was never given the request: [`NotSent`](Delivery::NotSent), and so does the mark
///   say while the service is waited for.
/// - From `call` on the mark is silent, which means [`MaybeSent`](Delivery::MaybeSent), unless the service takes it from the extensions
///   and keeps it ([`hold`](crate::SendMark::hold), [`set`](crate::SendMark::set)).
/// - What a service does before it fails is not known, so its errors are [`MaybeSent`](Delivery::MaybeSent), except one that is a
///   [`TransportError`] itself, or wraps one: that says so. Layers that box errors are looked into.
///
/// ```
/// use bytes::Bytes;
/// use ecs_transport::{Attempt, ServiceTransport, Transport};
///
/// let service = tower::service_fn(|request: http::Request<Bytes>| async move {
///     let number = request.extensions().get::<Attempt>().map_or(0, Attempt::number);
///     Ok::<_, std::convert::Infallible>(http::Response::new(Bytes::from(number.to_string())))
/// });
/// let transport = ServiceTransport::new(service);
/// # futures_util::FutureExt::now_or_never(async {
/// let request = http::Request::get("http://ecs.example/").body(Bytes::new())?;
/// assert_eq!(transport.send(request, &Attempt::new(3)).await?.body(), "3");
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct ServiceTransport<S>(S);

impl<S> ServiceTransport<S> {
    /// Wraps the service; each exchange works on a clone of its own.
    pub fn new(service: S) -> Self {
        Self(service)
    }

    /// Wraps a service that has bodies of [`http_body::Body`] on both sides, as those of tower-http and hyper: requests
    /// carry a [`Full`](http_body_util::Full), responses are read whole.
    #[cfg(feature = "body")]
    pub fn with_bodies(service: S) -> BodyTransport<S> {
        BodyTransport::new(service)
    }
}

impl<S> fmt::Debug for ServiceTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceTransport")
    }
}

impl<S> Transport for ServiceTransport<S>
where
    S: Service<http::Request<Bytes>, Response = http::Response<Bytes>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    S::Future: Send,
{
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        // Held already here, so that a future which is never polled has certainly sent nothing.
        attempt.mark().hold();
        let service = self.0.clone();
        Box::pin(exchange(service, request, attempt))
    }
}

/// Waits for the service, and gives it the request.
async fn exchange<S, B, R>(
    mut service: S,
    mut request: http::Request<B>,
    attempt: &Attempt,
) -> Result<R, TransportError>
where
    S: Service<http::Request<B>, Response = R>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    poll_fn(|cx| service.poll_ready(cx))
        .await
        .map_err(|error| not_ready(error.into()))?;
    attempt.check()?;
    // Whoever knows more than silence may hold the mark anew.
    attempt.mark().release();
    request.extensions_mut().insert(attempt.clone());
    service
        .call(request)
        .await
        .map_err(|error| failed(error.into()))
}

fn not_ready(error: Box<dyn StdError + Send + Sync>) -> TransportError {
    match error.downcast::<TransportError>() {
        Ok(error) => *error,
        Err(error) => {
            TransportError::new(TransportErrorKind::Cancelled, Delivery::NotSent).with_source(error)
        }
    }
}

fn failed(error: Box<dyn StdError + Send + Sync>) -> TransportError {
    match error.downcast::<TransportError>() {
        Ok(error) => *error,
        Err(error) => match wrapped(&*error) {
            Some((kind, delivery)) => TransportError::new(kind, delivery).with_source(error),
            None => TransportError::unknown(error),
        },
    }
}

/// What the [`TransportError`] says that a layer wrapped in an error of its own.
fn wrapped(error: &(dyn StdError + 'static)) -> Option<(TransportErrorKind, Delivery)> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return Some((error.kind(), error.delivery()));
        }
        source = error.source();
    }
    None
}
