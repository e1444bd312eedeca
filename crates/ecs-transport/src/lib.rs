//! How one HTTP exchange travels, and how far it got.
//!
//! A [`Transport`] sends one request once and brings back one whole response. It knows nothing of what it carries,
//! and it never retries: deciding is the caller's, and the caller can decide because every failure says its [`Delivery`].
//!
//! | module | holds |
//! |---|---|
//! | `attempt` | [`Attempt`]: what a transport is told about one try |
//! | `mark` | [`SendMark`]: how a caller that gave up still learns whether anything left |
//! | `error` | [`TransportError`], [`TransportErrorKind`], [`Delivery`] |
//! | `redact` | headers as a log may show them |
//! | `adapt` | transports made of an `Arc`, a closure, a tower service |
//! | `hyper` (feature `hyper`, default) | `HyperTransport`: the transport on hyper and rustls |
//! | `testing` (feature `testing`) | scripted and recording transports, a misbehaving server |
//!
//! A transport of your own is one function:
//!
//! ```
//! use bytes::Bytes;
//! use ecs_transport::{Attempt, BoxFuture, Transport, TransportError};
//!
//! #[derive(Debug)]
//! struct Canned;
//!
//! impl Transport for Canned {
//!     fn send<'a>(
//!         &'a self,
//!         request: http::Request<Bytes>,
//!         attempt: &'a Attempt,
//!     ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
//!         Box::pin(async move {
//!             attempt.mark().hold(); // nothing has left yet …
//!             assert_eq!(request.uri().path(), "/v1/p/jobs/j");
//!             attempt.mark().set(); // … from here on it may have
//!             Ok(http::Response::new(Bytes::from_static(b"{}")))
//!         })
//!     }
//! }
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let request = http::Request::get("http://ecs.example/v1/p/jobs/j").body(Bytes::new())?;
//! let response = Canned.send(request, &Attempt::first()).await?;
//! assert_eq!(response.status(), 200);
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
//! ```

mod adapt;
mod attempt;
mod error;
#[cfg(feature = "hyper")]
mod hyper;
mod mark;
mod redact;
#[cfg(feature = "testing")]
pub mod testing;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

pub use adapt::{FnTransport, ServiceTransport};
pub use attempt::Attempt;
pub use error::{Delivery, TransportError, TransportErrorKind};
#[cfg(feature = "hyper")]
pub use hyper::{BuildError, BuildErrorKind, HyperTransport, HyperTransportBuilder};
pub use mark::SendMark;

/// A boxed future, so that [`Transport`] is object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request once.
///
/// What an implementation owes its callers:
/// - one call is at most one request on the wire; it never retries and never follows a redirect;
/// - the URI is absolute, the headers are complete but for `Host` and `Content-Length`;
/// - the response is whole: a body that was cut is an error, never a shorter body;
/// - [`Delivery::NotSent`] is said only when it is certain, and [`SendMark`] is kept or left alone;
/// - dropping the future ends the exchange.
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends `request` and returns the whole response, whatever its status.
    ///
    /// # Errors
    /// Any failure to get a whole response, with its [`Delivery`].
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>>;
}
