//! Settings of the transport.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::HyperTransport;
use super::connect::Connector;
use super::error::BuildError;
use super::proxies::Proxies as ProxyRules;
use super::tls::{self, Authority, ClientCertificate};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const RESPONSE_LIMIT: usize = 16 * 1024 * 1024;
/// Less than the minute after which gateways usually close: a request that meets a closing
/// connection is lost.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest size of a read, and of a response's head, in bytes. Each connection keeps its read
/// buffer while it is idle: the default would be up to 400 KiB.
const READ_AT_ONCE: usize = 64 * 1024;

/// Builder of a [`HyperTransport`].
///
/// ```
/// use std::time::Duration;
/// use ecs_transport::HyperTransport;
///
/// let transport = HyperTransport::builder()
///     .connect_timeout(Duration::from_secs(5))
///     .attempt_timeout(Duration::from_secs(30))
///     .no_proxy()
///     .build()?;
/// # Ok::<(), ecs_transport::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct HyperTransportBuilder {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    response_limit: usize,
    pool_idle_timeout: Duration,
    native_roots: bool,
    authorities: Vec<Authority>,
    client_certificate: Option<ClientCertificate>,
    proxies: Proxies,
}

#[derive(Clone)]
enum Proxies {
    Environment,
    None,
    Given(GivenProxies),
}

/// Proxy URLs as given. They may hold credentials, so they have no `Debug`.
#[derive(Clone, Default)]
struct GivenProxies {
    http: Option<String>,
    https: Option<String>,
    except: String,
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            attempt_timeout: ATTEMPT_TIMEOUT,
            response_limit: RESPONSE_LIMIT,
            pool_idle_timeout: POOL_IDLE_TIMEOUT,
            native_roots: true,
            authorities: Vec::new(),
            client_certificate: None,
            proxies: Proxies::Environment,
        }
    }
}

impl HyperTransportBuilder {
    /// Sets the time limit for making a connection: name resolution, TCP, proxy and TLS together.
    /// Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets the time limit of an exchange whose [`Attempt`](crate::Attempt) has none, from the
    /// first poll to the last byte of the response. Default: 60 s.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Sets the largest response body, in bytes. No more than this is ever held of a response.
    /// Default: 16 MiB.
    ///
    /// Of all concurrent exchanges only one at a time reads beyond its first MiB. The others wait
    /// for it, within their own time limits.
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// Sets how long an unused connection is kept. Default: 20 s, less than most servers keep
    /// theirs.
    pub fn pool_idle_timeout(mut self, limit: Duration) -> Self {
        self.pool_idle_timeout = limit;
        self
    }

    /// Trusts the certificates in this PEM file **in addition to** those the machine trusts.
    /// [`build`](Self::build) reads the file. Can be called more than once.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Authority::File(path.into()));
        self
    }

    /// Like [`ca_file`](Self::ca_file), for the PEM text itself.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Authority::Pem(pem.into()));
        self
    }

    /// Sets whether the certificates that the machine trusts are trusted. Default: yes. Otherwise
    /// only [`ca_file`](Self::ca_file) and [`ca_pem`](Self::ca_pem) count.
    pub fn native_roots(mut self, trust: bool) -> Self {
        self.native_roots = trust;
        self
    }

    /// Sets the certificate for servers that request one: a PEM file with the certificate and its
    /// intermediates, and one with its key, which may be the same file. [`build`](Self::build)
    /// reads the files.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some(ClientCertificate {
            certificate: certificate.into(),
            key: key.into(),
        });
        self
    }

    /// Disables proxies, including those of the environment. By default [`build`](Self::build)
    /// reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their lowercase forms);
    /// for `NO_PROXY` see [`proxy_exceptions`](Self::proxy_exceptions).
    pub fn no_proxy(mut self) -> Self {
        self.proxies = Proxies::None;
        self
    }

    /// Sets the proxy of `http` requests, such as `http://user:password@proxy.example:3128`. The
    /// environment is then not read.
    pub fn http_proxy(self, url: impl Into<String>) -> Self {
        self.given(|given| given.http = Some(url.into()))
    }

    /// Sets the proxy through which `https` requests are tunnelled. The environment is then not
    /// read.
    pub fn https_proxy(self, url: impl Into<String>) -> Self {
        self.given(|given| given.https = Some(url.into()))
    }

    /// Sets the hosts that are reached without the given proxies, in the form of `NO_PROXY`: names
    /// (with their subdomains; `name`, `.name` and `*.name` are equal), addresses, and networks
    /// such as `10.0.0.0/8`, separated by commas or blanks. A name or an address can have a port,
    /// and then counts for that port only. `*` is every host. The environment is then not read.
    pub fn proxy_exceptions(self, hosts: impl Into<String>) -> Self {
        self.given(|given| given.except = hosts.into())
    }

    fn given(mut self, change: impl FnOnce(&mut GivenProxies)) -> Self {
        let mut given = match self.proxies {
            Proxies::Given(given) => given,
            Proxies::Environment | Proxies::None => GivenProxies::default(),
        };
        change(&mut given);
        self.proxies = Proxies::Given(given);
        self
    }

    /// Reads CA files and the environment, and builds the transport. It neither connects nor spawns
    /// anything. The first `https` request reads the machine's certificates.
    ///
    /// # Errors
    /// Fails if a CA file or client certificate cannot be read, is not PEM, or holds no usable
    /// certificate or key, or if a proxy, given or in the environment, is not a URL. A machine that
    /// trusts no certificates is not an error here: without a CA file, only `https` requests then
    /// fail.
    pub fn build(self) -> Result<HyperTransport, BuildError> {
        let tls = tls::configure(
            self.native_roots,
            &self.authorities,
            self.client_certificate.as_ref(),
        )?;
        let proxies = match self.proxies {
            Proxies::None => None,
            Proxies::Environment => {
                ProxyRules::from_environment(|name| std::env::var(name).ok())?.map(Arc::new)
            }
            Proxies::Given(given) => Some(Arc::new(given.rules()?)),
        };
        let connector = Connector::new(tls.config, proxies.clone(), self.connect_timeout);
        let mut clients = Client::builder(TokioExecutor::new());
        clients
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.pool_idle_timeout)
            .http1_max_buf_size(READ_AT_ONCE);
        Ok(HyperTransport {
            pooled: clients.build(connector.clone()),
            unpooled: clients.pool_max_idle_per_host(0).build(connector),
            proxies,
            roots: tls.roots,
            attempt_timeout: self.attempt_timeout,
            response_limit: self.response_limit,
            large: Arc::new(Semaphore::new(1)),
        })
    }
}

impl GivenProxies {
    fn rules(&self) -> Result<ProxyRules, BuildError> {
        let http = self.http.as_deref().map(|url| ("the proxy for http", url));
        let https = self.https.as_deref();
        let https = https.map(|url| ("the proxy for https", url));
        ProxyRules::new(http, https, &self.except)
    }
}

impl fmt::Debug for HyperTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxies = match self.proxies {
            Proxies::Environment => "environment",
            Proxies::None => "none",
            Proxies::Given(_) => "given",
        };
        f.debug_struct("HyperTransportBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("response_limit", &self.response_limit)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("native_roots", &self.native_roots)
            .field("proxies", &proxies)
            .finish_non_exhaustive()
    }
}
