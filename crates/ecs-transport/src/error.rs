//! Why an exchange failed, and whether the request can have been seen.

use std::error::Error as StdError;
use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::redact::Headers;

/// Whether the service can have seen the request. Exhaustive on purpose: callers must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Certain: not one byte of the request left this machine towards the service, or what left was provably never
    /// read (a TLS 1.3 server that refuses the handshake).
    NotSent,
    /// Everything else, also when nothing is known.
    MaybeSent,
}

/// What went wrong, in classes that lead to different advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name did not resolve.
    Dns,
    /// No connection: refused, unreachable, or not made in time.
    Connect,
    /// The proxy could not be reached, or failed to open a way to the service.
    Proxy,
    /// The proxy answered the request for a way to the service with this status. 407: it wants a user and password.
    ProxyRefused {
        /// What it answered.
        status: u16,
    },
    /// The TLS handshake failed in a way that time may heal, such as a connection that ended in it.
    Tls,
    /// There is no TLS that both sides speak, or the other side speaks none, or not for this host name.
    TlsUnsupported,
    /// The service's certificate is from an authority that is not trusted here. A CA file helps.
    UnknownIssuer,
    /// The service's certificate is not valid: it is for another host name, has expired, or was revoked.
    Certificate,
    /// The service demands a client certificate, which is not supported.
    ClientCertificateRequired,
    /// The attempt's time ran out.
    Timeout,
    /// The attempt was given up before it began.
    Cancelled,
    /// The peer closed or reset the connection before a whole response had come.
    Closed,
    /// The head of a response came, and its body ended before its announced length.
    BodyCut,
    /// The response was larger than the limit.
    TooLarge,
    /// What came back is not HTTP.
    Protocol,
    /// The request cannot be sent as it is (for example a URI without a host).
    Request,
    /// Anything else, for example in a transport of one's own.
    Other,
}

impl TransportErrorKind {
    /// Returns whether the same request will fail in the same way until somebody changes a setting
    /// here or there: trying it again soon is of no use.
    ///
    /// ```
    /// use ecs_transport::TransportErrorKind;
    ///
    /// assert!(TransportErrorKind::Certificate.is_permanent());
    /// assert!(!TransportErrorKind::Connect.is_permanent());
    /// ```
    pub fn is_permanent(self) -> bool {
        match self {
            Self::TlsUnsupported
            | Self::UnknownIssuer
            | Self::Certificate
            | Self::ClientCertificateRequired
            | Self::Request => true,
            // Policies and login pages stay; a proxy that is busy (408, 429), or cannot reach the service (5xx), may recover.
            Self::ProxyRefused { status } => !matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns a lowercase phrase for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "the host name could not be resolved",
            Self::Connect => "could not connect",
            Self::Proxy => "the proxy did not connect",
            Self::ProxyRefused { status: 407 } => "the proxy requires a user name and password",
            Self::ProxyRefused { .. } => "the proxy refused to connect",
            Self::Tls => "the TLS handshake failed",
            Self::TlsUnsupported => "no TLS connection is possible",
            Self::UnknownIssuer => "the certificate is not from a trusted authority",
            Self::Certificate => "the certificate is not valid",
            Self::ClientCertificateRequired => {
                "a client certificate is demanded, which is not supported"
            }
            Self::Timeout => "the attempt timed out",
            Self::Cancelled => "cancelled before it began",
            Self::Closed => "the connection ended before the response",
            Self::BodyCut => "the response was cut short",
            Self::TooLarge => "the response is larger than the limit",
            Self::Protocol => "the answer is not valid HTTP",
            Self::Request => "the request cannot be sent",
            Self::Other => "the transport failed",
        }
    }
}

/// One failed exchange: [what](Self::kind), [how far it got](Self::delivery), and, where the head of a response
/// had arrived, [that head](Self::head).
///
/// There is no conversion from other errors: whoever makes one says which [`Delivery`] it is.
///
/// ```
/// use ecs_transport::{Delivery, TransportError, TransportErrorKind};
///
/// let error = TransportError::new(TransportErrorKind::Connect, Delivery::NotSent)
///     .with_detail("10.0.0.1:443")
///     .with_source(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
/// assert_eq!(error.to_string(), "could not connect: 10.0.0.1:443");
/// assert!(error.is_not_sent());
/// ```
pub struct TransportError(Box<Inner>);

struct Inner {
    kind: TransportErrorKind,
    delivery: Delivery,
    detail: Option<String>,
    head: Option<(StatusCode, HeaderMap)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// Creates an error of this kind, with what is certain about delivery.
    pub fn new(kind: TransportErrorKind, delivery: Delivery) -> Self {
        Self(Box::new(Inner {
            kind,
            delivery,
            detail: None,
            head: None,
            source: None,
        }))
    }

    /// [`TransportErrorKind::Other`] with [`Delivery::MaybeSent`]: the only safe thing to say of an unknown failure.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Other, Delivery::MaybeSent).with_source(source)
    }

    /// Adds what it happened to, for people: an address, a limit. Never a header or a body.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the head of the response that had arrived: its request id is evidence.
    #[must_use]
    pub fn with_head(mut self, status: StatusCode, headers: HeaderMap) -> Self {
        self.0.head = Some((status, headers));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// Returns whether the service can have seen the request.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Returns whether it is certain that nothing was sent.
    pub fn is_not_sent(&self) -> bool {
        self.0.delivery == Delivery::NotSent
    }

    /// Status and headers, where the head of a response had arrived before the failure.
    pub fn head(&self) -> Option<(StatusCode, &HeaderMap)> {
        self.0
            .head
            .as_ref()
            .map(|(status, headers)| (*status, headers))
    }
}

/// The headers of a response can hold a token, so they are shown masked.
impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut shown = f.debug_struct("TransportError");
        shown
            .field("kind", &inner.kind)
            .field("delivery", &inner.delivery)
            .field("detail", &inner.detail);
        if let Some((status, headers)) = &inner.head {
            shown
                .field("status", status)
                .field("headers", &Headers(headers));
        }
        shown.field("source", &inner.source).finish()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.as_str())?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
