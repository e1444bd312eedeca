//! From a URI to a stream: name resolution, TCP, proxy and TLS, all within one time limit.
//!
//! Whatever fails here is certainly `NotSent`: the client has no connection to write a request to.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tower_service::Service;

use super::stream::Way;
use super::tls;
use crate::{BoxFuture, Delivery, TransportError, TransportErrorKind};

/// Why no connection came about. It can be cloned, because hyper only lends us its errors.
#[derive(Clone, Debug)]
pub(super) struct ConnectFailure {
    kind: TransportErrorKind,
    detail: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl ConnectFailure {
    fn new(kind: TransportErrorKind, detail: String) -> Self {
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

/// `host:port` of a URI, with the port its scheme implies; never its user information.
pub(super) fn address(uri: &Uri) -> String {
    let implied = if uri.scheme() == Some(&Scheme::HTTPS) {
        443
    } else {
        80
    };
    format!(
        "{}:{}",
        uri.host().unwrap_or_default(),
        uri.port_u16().unwrap_or(implied)
    )
}

/// The whole way to a service, within the connect timeout.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    tls: HttpsConnector<Dial>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(
        config: Arc<rustls::ClientConfig>,
        proxies: Option<Arc<Matcher>>,
        limit: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a name, so that one which never answers leaves time for the next.
        tcp.set_connect_timeout(Some(limit));
        let to_proxy = with_tls(tcp.clone(), Arc::clone(&config));
        Self {
            tls: with_tls(
                Dial {
                    tcp,
                    to_proxy,
                    proxies,
                },
                config,
            ),
            limit,
        }
    }
}

fn with_tls<T>(inner: T, config: Arc<rustls::ClientConfig>) -> HttpsConnector<T> {
    HttpsConnector::new(
        inner,
        config,
        false,
        Arc::new(DefaultServerNameResolver::default()),
    )
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Way>;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectFailure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let address = address(&target);
        let limit = self.limit;
        let connecting = self.tls.call(target);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                // `HttpsConnector` passes the errors of `Dial` on as they are; all others are of the handshake.
                Ok(Err(error)) => Err(match error.downcast::<ConnectFailure>() {
                    Ok(failure) => *failure,
                    Err(error) => {
                        let detail = match tls::advice(&*error) {
                            Some(advice) => format!("{address}: {advice}"),
                            None => address,
                        };
                        ConnectFailure::new(TransportErrorKind::Tls, detail).with_cause(error)
                    }
                }),
                Err(_) => Err(ConnectFailure::new(
                    TransportErrorKind::Connect,
                    format!("{address} within {limit:?}"),
                )),
            }
        })
    }
}

/// A plain way to the service, or to the proxy that stands before it.
#[derive(Clone)]
struct Dial {
    tcp: HttpConnector<Resolver>,
    to_proxy: HttpsConnector<HttpConnector<Resolver>>,
    proxies: Option<Arc<Matcher>>,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial") // a matcher holds credentials
    }
}

impl Service<Uri> for Dial {
    type Response = Way;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<Way, ConnectFailure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self
            .proxies
            .as_ref()
            .and_then(|proxies| proxies.intercept(&target))
        {
            Some(proxy) => Box::pin(self.through(proxy, target)),
            None => Box::pin(self.direct(target)),
        }
    }
}

impl Dial {
    fn direct(&mut self, target: Uri) -> impl Future<Output = Result<Way, ConnectFailure>> + use<> {
        let address = address(&target);
        let connecting = self.tcp.call(target);
        async move {
            match connecting.await {
                Ok(stream) => Ok(Way::direct(stream)),
                Err(error) if tls::find::<DnsFailure>(&error).is_some() => {
                    Err(ConnectFailure::new(TransportErrorKind::Dns, address).with_cause(error))
                }
                Err(error) => {
                    Err(ConnectFailure::new(TransportErrorKind::Connect, address).with_cause(error))
                }
            }
        }
    }

    fn through(
        &mut self,
        proxy: Intercept,
        target: Uri,
    ) -> impl Future<Output = Result<Way, ConnectFailure>> + use<> {
        let mut to_proxy = self.to_proxy.clone();
        async move {
            let failure = |detail: &str| {
                let detail = format!(
                    "{}{detail} on the way to {}",
                    address(proxy.uri()),
                    address(&target)
                );
                ConnectFailure::new(TransportErrorKind::Proxy, detail)
            };
            // Going on without the proxy would leave the way that somebody prescribed.
            if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
                return Err(failure(" (only http and https proxies are supported)"));
            }
            if target.scheme() == Some(&Scheme::HTTPS) {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                let tunneling = tunnel.call(target.clone());
                tunneling
                    .await
                    .map(Way::tunneled)
                    .map_err(|error| failure("").with_cause(error))
            } else {
                to_proxy
                    .call(proxy.uri().clone())
                    .await
                    .map(Way::proxied)
                    .map_err(|error| failure("").with_cause(error))
            }
        }
    }
}

/// The system's resolver, whose errors can be told from others.
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
