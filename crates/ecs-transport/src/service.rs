//! Transports made from tower services.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;

use bytes::Bytes;
use tower_service::Service;

use crate::{
    Attempt, BoxFuture, Delivery, SendMark, Transport, TransportError, TransportErrorKind,
};

#[cfg(feature = "body")]
mod bodies;

#[cfg(feature = "body")]
pub use bodies::BodyTransport;

/// A transport over any cloneable tower service of `http::Request<Bytes>` to
/// `http::Response<Bytes>`.
///
/// The request's extensions hold the [`Attempt`]: its number for metrics, its time limit, and its
/// mark for a service that knows when the first byte leaves.
///
/// Delivery:
/// - A service that does not become ready was never given the request: error and mark say
///   [`NotSent`](Delivery::NotSent).
/// - After `call` the mark is silent, which means [`MaybeSent`](Delivery::MaybeSent), unless the
///   service takes it from the extensions and uses it ([`hold`](crate::SendMark::hold),
///   [`set`](crate::SendMark::set)).
/// - Errors of a service are [`MaybeSent`](Delivery::MaybeSent), since its actions before the
///   failure are unknown. A [`TransportError`], also one that a layer wraps or boxes, keeps its
///   delivery.
/// - A call sets the mark at its end, also if it is dropped, unless the service used the mark or
///   said [`NotSent`](Delivery::NotSent). An attempt that was given to a service before, by a layer
///   that retries, is refused then, as [`MaybeSent`](Delivery::MaybeSent), ready or not.
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
    /// Wraps a service; each exchange uses a clone of its own.
    pub fn new(service: S) -> Self {
        Self(service)
    }

    /// Wraps a service with bodies of [`http_body::Body`] on both sides, such as those of
    /// tower-http and hyper: requests carry a [`Full`](http_body_util::Full), responses are read
    /// completely.
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
        // Armed already here, so that a future that is never polled has certainly sent nothing.
        let is_first = attempt.mark().hold_first();
        let service = self.0.clone();
        Box::pin(exchange(service, request, attempt, is_first))
    }
}

/// Waits until the service is ready and gives it the request. `is_first`: no service had this
/// attempt before.
async fn exchange<S, B, R>(
    mut service: S,
    mut request: http::Request<B>,
    attempt: &Attempt,
    is_first: bool,
) -> Result<R, TransportError>
where
    S: Service<http::Request<B>, Response = R>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
    let ready = ready.map_err(|error| not_ready(error.into()));
    ready
        .and_then(|()| attempt.check())
        .map_err(|error| if is_first { error } else { given_before(error) })?;
    // A service that uses the mark may arm it again.
    attempt.mark().release();
    request.extensions_mut().insert(attempt.clone());
    let mut called = Called(Some(attempt.mark()));
    service.call(request).await.map_err(|error| {
        let error = failed(error.into());
        if error.is_not_sent() {
            called.0 = None;
        }
        error
    })
}

/// Sets the mark of a silent service when its call is over, also if it is dropped: only the service
/// itself can say then that it sent nothing, and nobody sends the attempt again.
struct Called<'a>(Option<&'a SendMark>);

impl Drop for Called<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.0 {
            mark.set_released();
        }
    }
}

/// Returns the error of an attempt that was not sent now, and perhaps before.
fn given_before(error: TransportError) -> TransportError {
    let detail = "a service was given this attempt before, and may have sent it; an attempt is one request: remove the \
                  layer that retries";
    TransportError::new(error.kind(), Delivery::MaybeSent)
        .with_detail(detail)
        .with_source(error)
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

/// Returns the class and delivery of a [`TransportError`] that a layer wrapped in an error of its
/// own.
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
