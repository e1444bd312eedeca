//! Transports made of other things: an `Arc`, a closure, a tower service.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tower_service::Service;

use crate::{Attempt, BoxFuture, Transport, TransportError};

type Exchange = Result<http::Response<Bytes>, TransportError>;

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Exchange> {
        (**self).send(request, attempt)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Exchange> {
        (**self).send(request, attempt)
    }
}

/// A transport that is a closure. It gets a clone of the [`Attempt`], whose [mark](Attempt::mark) is shared.
///
/// ```
/// use bytes::Bytes;
/// use ecs_transport::{Attempt, FnTransport, Transport};
///
/// let transport = FnTransport::new(|request: http::Request<Bytes>, _attempt: Attempt| async move {
///     Ok(http::Response::new(Bytes::copy_from_slice(request.uri().path().as_bytes())))
/// });
/// # futures_util::FutureExt::now_or_never(async {
/// let request = http::Request::get("http://ecs.example/echo").body(Bytes::new())?;
/// assert_eq!(transport.send(request, &Attempt::first()).await?.body(), "/echo");
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
/// ```
pub struct FnTransport<F>(F);

impl<F, Fut> FnTransport<F>
where
    F: Fn(http::Request<Bytes>, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Exchange> + Send + 'static,
{
    /// Wraps the closure.
    pub fn new(exchange: F) -> Self {
        Self(exchange)
    }
}

impl<F> fmt::Debug for FnTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnTransport")
    }
}

impl<F, Fut> Transport for FnTransport<F>
where
    F: Fn(http::Request<Bytes>, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Exchange> + Send + 'static,
{
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Exchange> {
        Box::pin((self.0)(request, attempt.clone()))
    }
}

/// A transport on any cloneable tower service of `http::Request<Bytes>` to `http::Response<Bytes>`.
///
/// What a service does before it fails is not known, so each of its errors is
/// [`MaybeSent`](crate::Delivery::MaybeSent), except one that is a [`TransportError`] itself, which says so,
/// and a service that does not become ready was never given the request: that is
/// [`NotSent`](crate::Delivery::NotSent).
#[derive(Clone)]
pub struct ServiceTransport<S>(S);

impl<S> ServiceTransport<S> {
    /// Wraps the service; each exchange works on a clone of its own.
    pub fn new(service: S) -> Self {
        Self(service)
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
    ) -> BoxFuture<'a, Exchange> {
        // Held already here, so that a future which is never polled has certainly sent nothing.
        attempt.mark().hold();
        let mut service = self.0.clone();
        Box::pin(async move {
            std::future::poll_fn(|cx| service.poll_ready(cx))
                .await
                .map_err(|error| into_transport_error(error.into(), Phase::NotReady))?;
            attempt.mark().set();
            service
                .call(request)
                .await
                .map_err(|error| into_transport_error(error.into(), Phase::Called))
        })
    }
}

enum Phase {
    NotReady,
    Called,
}

fn into_transport_error(error: Box<dyn StdError + Send + Sync>, phase: Phase) -> TransportError {
    use crate::{Delivery, TransportErrorKind};

    match (phase, error.downcast::<TransportError>()) {
        (_, Ok(error)) => *error,
        (Phase::NotReady, Err(error)) => {
            TransportError::new(TransportErrorKind::Cancelled, Delivery::NotSent).with_source(error)
        }
        (Phase::Called, Err(error)) => TransportError::unknown(error),
    }
}
