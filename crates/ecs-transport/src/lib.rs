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
//! | `adapt` | transports made of an `Arc`, a closure |
//! | `service` | transports made of a tower service; with feature `body`, of one whose bodies are streams |
//! | `hyper` (feature `hyper`, default) | `HyperTransport`: the transport on hyper and rustls |
//! | `testing` (feature `testing`) | scripted and recording transports, a misbehaving server |
//!
//! # Your own transport
//!
//! It is one function:
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
//!
//! ## The mark and the error
//!
//! Two things say whether the service can have seen a request. The [`SendMark`] of the [`Attempt`] says it at any moment, also after
//! the caller gave up; the [`TransportError`] says it at the end. For a restart the difference between the two deliveries is the difference
//! between sending it again and not, so:
//!
//! 1. **Keep the mark, or leave it alone.** Silent means `MaybeSent`. Who calls [`hold`](SendMark::hold) promises to call
//!    [`set`](SendMark::set) before the first byte can leave. Something that does not say when bytes leave (reqwest, most
//!    clients) must leave the mark silent.
//! 2. **Set wins.** An error that says [`NotSent`](Delivery::NotSent) while the mark is [set](SendMark::is_set) contradicts it, and the
//!    caller takes it for `MaybeSent`. A wrapper that makes errors anew cannot turn a sent request into an unsent one.
//! 3. **Proof after the fact** is rare: a TLS server that refuses the handshake when the request was already written, a
//!    connection that gives the request back. The transport that set the mark then calls [`retract`](SendMark::retract), so that both
//!    say the same.
//! 4. **`NotSent` is said of what is known**, never of what is likely. "Connection refused" by the service proves it; the same words
//!    from something that may have tried before, followed a redirect or reused a connection, prove nothing.
//! 5. **Ask before the first byte.** [`Attempt::check`] says whether the attempt may still be sent, just before the mark is set.
//!    The caller asked before it called the transport; what takes time since then, such as connecting, calls for asking again.
//! 6. **No second sending.** One call is one request: no retries, no redirects. An answer is passed on whatever its status;
//!    a layer that *answers* in the service's place (tower-http's timeout answers 408 or 504) makes the outcome unknown.
//!
//! ## Which errors of other clients are `NotSent`
//!
//! | client | set up | is `NotSent` | is `MaybeSent` |
//! |---|---|---|---|
//! | reqwest 0.12, 0.13 | redirects off, `retry(never())` (0.12.23 and later) | `is_builder()`; `is_connect()`: name, TCP, proxy, TLS handshake, connect timeout | all else: `is_timeout()` alone, `is_request()`, `is_body()`, `is_decode()` |
//! | hyper-util's legacy client | nothing: it follows no redirects | `is_connect()` | all else |
//! | a tower stack | no retry, hedge or redirect layer | its service did not become ready; a [`TransportError`] from within that says so | all else |
//!
//! Why `is_connect()` is proof: both clients raise it only where a connection was not made, and no request is given to a connection
//! before it is made (hyper-util 0.1.21, `client/legacy/client.rs`). Why redirects must be off: reqwest follows a 307 or 308
//! with the same POST, and a refused connection to the *second* address is `is_connect()` too, after the first had the
//! request. HTTP/2 and HTTP/1.1 kept connections: a request that meets a closing one is lost, and unknown;
//! `pool_max_idle_per_host(0)` avoids that for actions.
//!
//! `docs/own-transport.md` has the code for reqwest and for a tower stack, and where it is compiled and run.

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
