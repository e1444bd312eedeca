//! Errors of an exchange, and whether the service can have received the request.

use std::error::Error as StdError;
use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::redact::Headers;

/// The delivery of a request: can the service have received it? Exhaustive on purpose: callers must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Certain: no byte of the request left this machine towards the service, or the bytes that
    /// left were provably never read (a TLS 1.3 server that refuses the handshake).
    NotSent,
    /// Everything else, including unknown cases.
    MaybeSent,
}

/// The classes of [`TransportError`], which lead to different advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name did not resolve.
    Dns,
    /// No connection: refused, unreachable, or timed out.
    Connect,
    /// The proxy could not be reached, or failed to open a tunnel to the service.
    Proxy,
    /// The proxy refused to open a tunnel or to forward, with this status. 407: it requires a user
    /// and a password.
    ProxyRefused {
        /// The status of its answer.
        status: u16,
    },
    /// The TLS handshake failed in a way that may pass, such as a connection that ended during it.
    Tls,
    /// The two sides share no TLS version, or the peer does not speak TLS, or not for this host
    /// name.
    TlsUnsupported,
    /// The service's certificate is from an authority that is not trusted. A CA file helps.
    UnknownIssuer,
    /// The service's certificate is not valid: it is for another host name, has expired, or was revoked.
    Certificate,
    /// The service demands a client certificate, which is not supported.
    ClientCertificateRequired,
    /// The attempt timed out.
    Timeout,
    /// The attempt was given up before it began.
    Cancelled,
    /// The peer closed or reset the connection before a complete response arrived.
    Closed,
    /// The head of a response arrived, but its body ended before its announced length.
    BodyCut,
    /// The response was larger than the limit.
    TooLarge,
    /// The response is not HTTP.
    Protocol,
    /// The request cannot be sent in this form (for example a URI without a host).
    Request,
    /// Anything else, for example in your own transport.
    Other,
}

impl TransportErrorKind {
    /// Returns whether the same request fails in the same way until a setting is changed on either
    /// side: an early retry is useless.
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
            // Policies and login pages persist. A proxy that is busy (408, 429) or cannot reach the
            // service (5xx) may recover.
            Self::ProxyRefused { status } => !matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns a description for people, in lower case.
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

/// The error of a failed exchange: its [class](Self::kind), its [delivery](Self::delivery), and the
/// [head](Self::head) of the response, if one arrived.
///
/// There is no conversion from other errors: the creator of an error must state its [`Delivery`].
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
    /// Creates an error of this class and delivery.
    pub fn new(kind: TransportErrorKind, delivery: Delivery) -> Self {
        Self(Box::new(Inner {
            kind,
            delivery,
            detail: None,
            head: None,
            source: None,
        }))
    }

    /// Creates an error of class [`TransportErrorKind::Other`] with [`Delivery::MaybeSent`]: the
    /// only safe classification of an unknown failure.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(TransportErrorKind::Other, Delivery::MaybeSent).with_source(source)
    }

    /// Adds a detail for people: an address, a limit. Never a header or a body.
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

    /// Adds the head of the response that had arrived. Its request id is evidence.
    #[must_use]
    pub fn with_head(mut self, status: StatusCode, headers: HeaderMap) -> Self {
        self.0.head = Some((status, headers));
        self
    }

    /// Returns the class of the error.
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// Returns whether the service can have received the request.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Returns whether it is certain that nothing was sent.
    pub fn is_not_sent(&self) -> bool {
        self.0.delivery == Delivery::NotSent
    }

    /// Returns the status and headers, if the head of a response had arrived before the failure.
    pub fn head(&self) -> Option<(StatusCode, &HeaderMap)> {
        self.0
            .head
            .as_ref()
            .map(|(status, headers)| (*status, headers))
    }
}

/// Masks the headers, since those of a response can hold a token.
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
