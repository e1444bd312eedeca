//! The transport on hyper and rustls.

mod address;
mod builder;
mod classify;
mod connect;
mod error;
mod handshake;
mod line;
mod proxies;
mod request;
mod roots;
mod tls;
mod tunnel;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::sync::Semaphore;

use self::address::Address;
pub use self::builder::HyperTransportBuilder;
use self::connect::Connector;
pub use self::error::{BuildError, BuildErrorKind};
use self::proxies::Proxies;
use self::roots::Roots;
use crate::{Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind};

/// A transport of HTTP/1.1 over TCP or TLS.
///
/// Idempotent methods (such as `GET`) use kept-alive connections. Each `POST` and `PATCH` uses a
/// connection of its own: a server may close a kept-alive connection at the moment in which a
/// request is written to it, and the outcome of that request is then unknown. A handshake costs
/// less than a restart that an operator must check.
///
/// Clones are cheap and share their connections. Each exchange must be polled on a tokio runtime
/// with I/O and time enabled.
///
/// It neither follows redirects nor retries, neither requests nor undoes compression, and does not
/// set `User-Agent`.
///
/// However an exchange ends, including by being dropped, the attempt's
/// [`SendMark`](crate::SendMark) says [`Delivery::NotSent`] exactly if no connection ever had the
/// request, or if it is certain that it was never read: a connection gave it back before its first
/// byte, or a TLS 1.3 server refused the handshake while the request was on its way. The
/// [`TransportError`] says the same.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use bytes::Bytes;
/// use ecs_transport::{Attempt, HyperTransport, Transport};
///
/// let transport = HyperTransport::builder().ca_file("/etc/ecs/ca.pem").build()?;
/// let request = http::Request::get("https://ecs.example/v1/p/jobs/j").body(Bytes::new())?;
/// let response = transport.send(request, &Attempt::first()).await?;
/// println!("{}", response.status());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HyperTransport {
    /// Reuses connections, for idempotent methods.
    pooled: Client<Connector, Full<Bytes>>,
    /// Makes a connection for each request, for all other methods.
    unpooled: Client<Connector, Full<Bytes>>,
    proxies: Option<Arc<Proxies>>,
    roots: Arc<Roots>,
    attempt_timeout: Duration,
    response_limit: usize,
    /// Held while a large response is read.
    large: Arc<Semaphore>,
}

impl HyperTransport {
    /// Creates a transport with the defaults of [`HyperTransportBuilder`].
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Returns a builder of a transport.
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        attempt: &Attempt,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut request = request::prepare(request, self.proxies.as_deref())?;
        let address = Address::of(request.uri());
        if request.uri().scheme() == Some(&Scheme::HTTPS) && !self.roots.has_trusted_roots() {
            return Err(TransportError::new(TransportErrorKind::UnknownIssuer, Delivery::NotSent).with_detail(format!(
                "{address}: this machine has no trusted CA certificates; install them or give a CA file"
            )));
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(
                TransportError::new(TransportErrorKind::Other, Delivery::NotSent)
                    .with_detail("HyperTransport works only on a tokio runtime"),
            );
        }

        let client = if request.method().is_idempotent() {
            &self.pooled
        } else {
            &self.unpooled
        };
        let tracker = DeliveryTracker {
            captured: capture_connection(&mut request),
            attempt,
        };
        let limit = attempt.timeout().unwrap_or(self.attempt_timeout);
        let mut head = None;
        let ended = tokio::time::timeout(limit, async {
            let response = tracker
                .watch(client.request(request))
                .await?
                .map_err(|error| classify::exchange(error, &address))
                .inspect_err(|error| {
                    if error.is_not_sent() {
                        attempt.mark().retract();
                    }
                })?;
            let (parts, body) = response.into_parts();
            head = Some(parts);
            read(body, self.response_limit, &self.large, &address).await
        })
        .await;

        let outcome = ended.unwrap_or_else(|_| {
            let detail = format!("{address} after {limit:?}");
            Err(
                TransportError::new(TransportErrorKind::Timeout, tracker.delivery())
                    .with_detail(detail),
            )
        });
        match (outcome, head) {
            (Ok(body), Some(mut parts)) => {
                parts.extensions.clear(); // private notes of hyper
                Ok(Response::from_parts(parts, body))
            }
            (
                Err(error),
                Some(response::Parts {
                    status, headers, ..
                }),
            ) => Err(error.with_head(status, headers)),
            (Err(error), None) => Err(error),
            // A body is only read after a head. If that were ever wrong, nothing would be known.
            (Ok(_), None) => Err(TransportError::unknown("a body came without a head")),
        }
    }
}

impl Transport for HyperTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        // Armed already here, so that a future that is never polled has certainly sent nothing.
        attempt.mark().hold();
        Box::pin(self.exchange(request, attempt))
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("attempt_timeout", &self.attempt_timeout)
            .field("response_limit", &self.response_limit)
            .field("proxies", &self.proxies.is_some())
            .finish_non_exhaustive()
    }
}

/// Watches for the moment in which the client gives the request to a connection. See `classify` for
/// why nothing can have been sent before.
struct DeliveryTracker<'a> {
    captured: CaptureConnection,
    attempt: &'a Attempt,
}

impl DeliveryTracker<'_> {
    fn delivery(&self) -> Delivery {
        if self.captured.connection_metadata().is_some() {
            Delivery::MaybeSent
        } else {
            Delivery::NotSent
        }
    }

    fn note(&self) {
        if self.delivery() == Delivery::MaybeSent {
            self.attempt.mark().set();
        }
    }

    /// Drives the exchange. The request is given to a connection only inside a poll. The check
    /// after each poll therefore sets the mark before anyone who ends this future can read it. A
    /// request that may no longer be sent is not polled further, unless a connection has it.
    async fn watch<F: Future>(&self, exchange: F) -> Result<F::Output, TransportError> {
        let mut exchange = pin!(exchange);
        poll_fn(|cx| {
            if self.delivery() == Delivery::NotSent {
                self.attempt.check()?;
            }
            let polled = exchange.as_mut().poll(cx);
            self.note();
            polled.map(Ok)
        })
        .await
    }
}

impl Drop for DeliveryTracker<'_> {
    /// Checks after a poll that panicked, where `watch` does not. Not otherwise: the mark may be
    /// retracted.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.note();
        }
    }
}

/// Responses up to this size, in bytes, are read concurrently. Larger ones are read one at a time,
/// so that concurrent floods do not fill the memory: each is bounded by the limit, and all but one
/// by this.
const SIDE_BY_SIDE: usize = 1024 * 1024;

/// The largest capacity that is reserved for a large response at once, in bytes.
const LARGEST_ROOM: usize = 64 * 1024 * 1024;

async fn read(
    mut body: Incoming,
    limit: usize,
    large: &Semaphore,
    address: &Address,
) -> Result<Bytes, TransportError> {
    let too_large = || {
        TransportError::new(TransportErrorKind::TooLarge, Delivery::MaybeSent)
            .with_detail(format!("{address} sent more than {limit} bytes"))
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    // An announced body may not arrive, so larger buffers grow with it. A job of 1,000 servers
    // fits.
    let mut whole = Vec::with_capacity(announced.min(SIDE_BY_SIDE / 2));
    let mut turn = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| classify::body(error, address))?;
        if let Ok(chunk) = frame.into_data() {
            if chunk.len() > limit - whole.len() {
                return Err(too_large());
            }
            if turn.is_none() && chunk.len() > SIDE_BY_SIDE.saturating_sub(whole.len()) {
                // The semaphore is never closed; if it were, the limit would still hold.
                turn = large.acquire().await.ok();
                // Growing by doubling would hold up to three times the received bytes. Untouched
                // memory is only address space; if it cannot be reserved, the buffer grows as
                // usual.
                let room = limit.min(LARGEST_ROOM).saturating_sub(whole.len());
                let _ = whole.try_reserve_exact(room);
            }
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(whole.into())
}
