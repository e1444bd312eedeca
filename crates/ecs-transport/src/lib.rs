//! The transport of one HTTP exchange, and the proof of its delivery.
//!
//! A [`Transport`] sends one request once and returns one complete response. It knows nothing of
//! the content and never retries. The caller can decide on a retry because every error states its
//! [`Delivery`].
//!
//! | module | holds |
//! |---|---|
//! | `attempt` | [`Attempt`]: the parameters of one attempt |
//! | `mark` | [`SendMark`]: whether anything may have left, also for a caller that gave up |
//! | `error` | [`TransportError`], [`TransportErrorKind`], [`Delivery`] |
//! | `redact` | headers with secrets masked, for logs |
//! | `adapt` | transports made from an `Arc` or a closure |
//! | `service` | transports made from a tower service; with feature `body`, from one whose bodies are streams |
//! | `hyper` (feature `hyper`, default) | `HyperTransport`: the transport on hyper and rustls |
//! | `testing` (feature `testing`) | scripted and recording transports, a misbehaving server |
//!
//! # Your own transport
//!
//! A transport is one function:
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
//!             attempt.start()?; // … from here on it may have
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
//!
//! ## The mark and the error
//!
//! Two values say whether the service can have received a request: the [`SendMark`] of the
//! [`Attempt`] at any moment, even after the caller gave up, and the [`TransportError`] at the end.
//! For a restart they decide whether it is sent again, so:
//!
//! 1. **Arm the mark, or leave it silent.** Silent means `MaybeSent`. A transport that calls
//!    [`hold`](SendMark::hold) promises to call [`set`](SendMark::set) before the first byte can
//!    leave. A client that does not report when bytes leave (reqwest, most clients) leaves the mark
//!    silent, or sets it before it is given the request.
//! 2. **Set wins.** An error that says [`NotSent`](Delivery::NotSent) while the mark is
//!    [set](SendMark::is_set), or with a part of an answer, contradicts itself, and the caller treats
//!    it as `MaybeSent`. A wrapper that creates its own errors cannot turn a sent request into an
//!    unsent one.
//! 3. **Proof after the fact** is rare: a TLS server that refuses the handshake after the request
//!    was written, a connection that gives the request back. The transport that set the mark then
//!    calls [`retract`](SendMark::retract), so that both agree.
//! 4. **`NotSent` requires knowledge**, never probability. "Connection refused" by the service
//!    proves it; the same message from a client that may have tried before, followed a redirect or
//!    reused a connection proves nothing.
//! 5. **Check before the first byte.** [`Attempt::start`] checks whether the attempt may still be
//!    sent, and sets the mark. The caller checked before it called the transport; anything that takes
//!    time since then, such as connecting or a queue, requires another check.
//! 6. **No second sending.** One call is one request: no retries, no redirects, no hedging. A
//!    transport that checks and sets the mark refuses an attempt that was sent before, so that a
//!    layer around it cannot send it again. An answer is passed on whatever its status; a layer that
//!    *answers* in place of the service (tower-http's timeout answers 408 or 504) makes the outcome
//!    unknown.
//!
//! ## Which errors of other clients are `NotSent`
//!
//! | client | set up | is `NotSent` | is `MaybeSent` |
//! |---|---|---|---|
//! | reqwest 0.12, 0.13 | redirects off, `retry(never())` (0.12.23 and later) | `is_builder()`; `is_connect()`: name, TCP, proxy, TLS handshake, connect timeout | all else: `is_timeout()` alone, `is_request()`, `is_body()`, `is_decode()` |
//! | hyper-util's legacy client | nothing: it follows no redirects | `is_connect()` | all else |
//! | a tower stack | no retry, hedge or redirect layer | its service did not become ready; an inner [`TransportError`] that says so | all else |
//!
//! Why `is_connect()` is proof: both clients raise it only if a connection was not made, and no
//! request is given to a connection before it is made (hyper-util 0.1.21,
//! `client/legacy/client.rs`). Why redirects must be off: reqwest follows a 307 or 308 with the
//! same POST, and a refused connection to the *second* address is `is_connect()` too, after the
//! first had received the request. With HTTP/2 and kept-alive HTTP/1.1 connections, a request that
//! meets a closing one is lost, and its outcome unknown; `pool_max_idle_per_host(0)` avoids that
//! for actions.
//!
//! `docs/own-transport.md` has the code for reqwest and for a tower stack, and says where it is
//! compiled and run.

mod adapt;
mod attempt;
mod error;
#[cfg(feature = "hyper")]
mod hyper;
mod mark;
mod redact;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

// Their types are in the interface: a transport of one's own needs the same versions.
#[doc(no_inline)]
pub use {bytes, http};

pub use adapt::FnTransport;
pub use attempt::{Attempt, SendCheck};
pub use error::{Delivery, TransportError, TransportErrorKind};
#[cfg(feature = "hyper")]
pub use hyper::{BuildError, BuildErrorKind, HyperTransport, HyperTransportBuilder};
pub use mark::SendMark;
#[cfg(feature = "body")]
pub use service::BodyTransport;
pub use service::ServiceTransport;

/// A boxed future, so that [`Transport`] is object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A transport that sends one request once.
///
/// An implementation guarantees:
/// - one call is at most one request on the wire; it never retries and never follows a redirect;
/// - the URI is absolute, the headers are complete except for `Host` and `Content-Length`;
/// - the response is complete: a cut body is an error, never a shorter body;
/// - [`Delivery::NotSent`] is reported only if it is certain, and the [`SendMark`] is armed or left
///   silent;
/// - dropping the future ends the exchange.
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends `request` and returns the complete response, whatever its status.
    ///
    /// # Errors
    /// Any failure to get a complete response, with its [`Delivery`].
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>>;
}
