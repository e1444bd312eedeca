//! Connecting to a URI: name resolution, TCP, proxy and TLS, within one time limit.
//!
//! Every failure here is certainly `NotSent`: the client has no connection to write a request to.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::address::address;
use super::handshake::{self, Failure};
use super::line::{Exchanging, Line};
use super::proxies::Proxies;
use super::tls;
use super::tunnel::{self, NoTunnel};
use crate::{BoxFuture, Delivery, TransportError, TransportErrorKind as Kind};

/// The error of a failed connection. Cloneable, because hyper only lends its errors.
#[derive(Clone, Debug)]
pub(super) struct ConnectFailure {
    kind: Kind,
    detail: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl ConnectFailure {
    fn new(kind: Kind, detail: String) -> Self {
        Self {
            kind,
            detail,
            cause: None,
        }
    }

    fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    pub(super) fn to_transport_error(&self) -> TransportError {
        let error = TransportError::new(self.kind, Delivery::NotSent).with_detail(&self.detail);
        match &self.cause {
            Some(cause) => error.with_source(Arc::clone(cause)),
            None => error,
        }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.detail)
    }
}

impl StdError for ConnectFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Connects to a service within the connect timeout.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    config: Arc<rustls::ClientConfig>,
    proxies: Option<Arc<Proxies>>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(
        config: Arc<rustls::ClientConfig>,
        proxies: Option<Arc<Proxies>>,
        limit: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The limit is divided among the addresses of a name, so that an unresponsive one leaves
        // time for the next.
        tcp.set_connect_timeout(Some(limit));
        Self {
            tcp,
            config,
            proxies,
            limit,
        }
    }

    async fn connect(
        &mut self,
        target: &Uri,
        proxy: Option<&Intercept>,
    ) -> Result<Exchanging, ConnectFailure> {
        match proxy {
            Some(proxy) => self.connect_through(proxy, target).await,
            None => {
                let line = self.dial(target).await?;
                if target.scheme() == Some(&Scheme::HTTPS) {
                    let secured = self.secure(target, line).await;
                    let failure = |failure: Failure| failure.at(address(target));
                    Ok(Exchanging::new(secured.map_err(failure)?, false))
                } else {
                    Ok(Exchanging::new(line, false))
                }
            }
        }
    }

    async fn connect_through(
        &mut self,
        proxy: &Intercept,
        target: &Uri,
    ) -> Result<Exchanging, ConnectFailure> {
        let failed = |detail: &str| {
            let (proxy, target) = (address(proxy.uri()), address(target));
            let detail = format!("{proxy}{detail} on the way to {target}");
            ConnectFailure::new(Kind::Proxy, detail)
        };
        // A direct connection would leave the prescribed route.
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            return Err(failed(" (only http and https proxies are supported)"));
        }
        let dialed = self.dial(proxy.uri()).await;
        let mut line = dialed.map_err(|failure| failed("").with_cause(failure))?;
        if proxy.uri().scheme() == Some(&Scheme::HTTPS) {
            let secured = self.secure(proxy.uri(), line).await;
            let failure = |failure: Failure| failure.at_the_proxy(failed);
            line = secured.map_err(failure)?;
        }
        if target.scheme() != Some(&Scheme::HTTPS) {
            return Ok(Exchanging::new(line, true));
        }
        let opened = tunnel::open(&mut line, &address(target), proxy.basic_auth()).await;
        opened.map_err(|failure| match failure {
            NoTunnel::Refused(status, reason) => {
                let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
                let detail = format!(
                    "{} answered {status}{reason} to the request for a tunnel to {}",
                    address(proxy.uri()),
                    address(target)
                );
                let status = status.as_u16();
                ConnectFailure::new(Kind::ProxyRefused { status }, detail)
            }
            NoTunnel::Closed => failed(" closed the connection without an answer to CONNECT"),
            NoTunnel::NotHttp => failed(" gave an answer to CONNECT that is not HTTP"),
            NoTunnel::Io(error) => failed("").with_cause(error),
        })?;
        let secured = self.secure(target, line).await;
        let failure = |failure: Failure| failure.in_the_tunnel(proxy.uri(), target);
        Ok(Exchanging::new(secured.map_err(failure)?, false))
    }

    /// Connects over TCP.
    async fn dial(&mut self, target: &Uri) -> Result<Line, ConnectFailure> {
        match self.tcp.call(target.clone()).await {
            Ok(stream) => Ok(Line::Plain(stream.into_inner())),
            Err(error) => {
                let kind = if tls::find::<DnsFailure>(&error).is_some() {
                    Kind::Dns
                } else {
                    Kind::Connect
                };
                Err(ConnectFailure::new(kind, address(target)).with_cause(error))
            }
        }
    }

    async fn secure(&self, target: &Uri, line: Line) -> Result<Line, Failure> {
        handshake::secure(&self.config, target.host().unwrap_or_default(), line).await
    }
}

impl Failure {
    /// Reports a failed handshake with the service.
    fn at(self, address: String) -> ConnectFailure {
        let detail = match &self.advice {
            Some(advice) => format!("{address}: {advice}"),
            None => address,
        };
        ConnectFailure::new(self.kind, detail).with_cause(self.error)
    }

    /// Reports a failed handshake with a proxy that is reached over TLS.
    fn at_the_proxy(self, failed: impl FnOnce(&str) -> ConnectFailure) -> ConnectFailure {
        let advice = self
            .advice
            .map_or(String::new(), |detail| format!(", {detail}"));
        failed(&format!(" ({}{advice})", self.kind.as_str())).with_cause(self.error)
    }

    /// Reports a failed handshake with the service, or with whatever is at the end of a tunnel.
    fn in_the_tunnel(self, proxy: &Uri, target: &Uri) -> ConnectFailure {
        if self.kind == Kind::Tls {
            let (proxy, target) = (address(proxy), address(target));
            let detail = format!("{proxy} opened a tunnel to {target}, but TLS failed in it");
            return ConnectFailure::new(Kind::Proxy, detail).with_cause(self.error);
        }
        self.at(format!(
            "{} (through the proxy {})",
            address(target),
            address(proxy)
        ))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Exchanging>;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectFailure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let mut this = self.clone();
        Box::pin(async move {
            let proxy = this
                .proxies
                .as_ref()
                .and_then(|proxies| proxies.intercept(&target));
            let limit = this.limit;
            let connecting = this.connect(&target, proxy.as_ref());
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => Err(match &proxy {
                    None => {
                        let detail = format!("{} within {limit:?}", address(&target));
                        ConnectFailure::new(Kind::Connect, detail)
                    }
                    Some(proxy) => {
                        let (proxy, target) = (address(proxy.uri()), address(&target));
                        let detail = format!("{proxy} within {limit:?} on the way to {target}");
                        ConnectFailure::new(Kind::Proxy, detail)
                    }
                }),
            }
        })
    }
}

/// The system's resolver, with errors of their own type.
#[derive(Clone, Debug)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = DnsFailure;
    type Future = BoxFuture<'static, Result<GaiAddrs, DnsFailure>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DnsFailure>> {
        self.0.poll_ready(cx).map_err(DnsFailure)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(DnsFailure) })
    }
}

#[derive(Debug)]
struct DnsFailure(std::io::Error);

impl fmt::Display for DnsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for DnsFailure {}
