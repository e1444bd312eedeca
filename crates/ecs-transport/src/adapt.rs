//! Transports made from an `Arc` or a closure.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

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

/// A transport made from a closure. The closure gets a clone of the [`Attempt`], which shares its
/// [mark](Attempt::mark); it arms the mark or leaves it silent. See [the
/// rules](crate#the-mark-and-the-error).
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
    /// Wraps a closure.
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
