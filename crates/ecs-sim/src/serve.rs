//! The region as a server, over HTTP or HTTPS.

mod connection;
mod handle;
mod info;
#[cfg(test)]
mod tests;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use handle::SimServer;
pub use info::ServerInfo;
pub use tls::Tls;

use crate::clock::Clock;
use crate::{SharedRegion, SimError, SimErrorKind};

/// The default address to listen on: this machine only, any free port.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:0";
/// The largest request body that is read, in bytes.
pub const REQUEST_LIMIT: usize = 16 * 1024 * 1024;
/// The time limit for connections to end when the server shuts down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// The pause after a failed accept (mostly: too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A marker of requests that arrived over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encrypted;

/// Settings of a [`Server`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is bound"]
pub struct ServerBuilder {
    region: SharedRegion,
    listen: String,
    speed: NonZeroU32,
    tls: Option<Tls>,
}

impl ServerBuilder {
    /// Sets the address to listen on, as `host:port`; port 0 takes a free one. Default:
    /// [`DEFAULT_LISTEN`].
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Sets how many times as fast as real time the region's clock runs. Default: 1.
    pub fn speed(mut self, speed: NonZeroU32) -> Self {
        self.speed = speed;
        self
    }

    /// Serves HTTPS instead of HTTP.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Opens the socket: clients can connect, and are served when the server runs. The region's
    /// calendar starts now, unless its settings define it.
    ///
    /// # Errors
    /// The address cannot be listened on, or the certificate and its key do not match.
    pub async fn bind(self) -> Result<Server, SimError> {
        let acceptor = self.tls.as_ref().map(Tls::acceptor).transpose()?;
        let failed = |error| {
            let message = format!("cannot listen on {}", self.listen);
            SimError::new(SimErrorKind::Bind, message).with_source(error)
        };
        let listener = TcpListener::bind(&self.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.region.with(|region| {
            region.default_epoch(jiff::Timestamp::now());
            region.set_speed(self.speed);
        });
        Ok(Server {
            region: self.region,
            listener,
            address,
            clock: Arc::new(Clock::new(self.speed)),
            acceptor,
        })
    }
}

/// A region behind a socket.
///
/// HTTP/1.1 with keep-alive and request bodies of up to [`REQUEST_LIMIT`] bytes.
///
/// ```
/// use ecs_sim::{Region, Server};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::builder(Region::builder().servers(20).build()?).bind().await?;
/// assert!(server.info().listening.starts_with("http://127.0.0.1:"));
/// let stop = async { /* Ctrl-C, for example */ };
/// server.run(stop).await;
/// # Ok::<_, ecs_sim::SimError>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    region: SharedRegion,
    listener: TcpListener,
    address: SocketAddr,
    clock: Arc<Clock>,
    acceptor: Option<TlsAcceptor>,
}

impl Server {
    /// Returns a builder of a server of this region.
    pub fn builder(region: impl Into<SharedRegion>) -> ServerBuilder {
        ServerBuilder {
            region: region.into(),
            listen: DEFAULT_LISTEN.to_owned(),
            speed: NonZeroU32::MIN,
            tls: None,
        }
    }

    /// Returns the region.
    pub fn region(&self) -> &SharedRegion {
        &self.region
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what a client needs to connect and authenticate.
    pub fn info(&self) -> ServerInfo {
        let scheme = match self.acceptor {
            Some(_) => "https",
            None => "http",
        };
        let listening = format!("{scheme}://{}", self.address);
        let speed = self.clock.speed();
        self.region
            .with(|region| ServerInfo::new(listening, speed, region))
    }

    /// Serves until `shutdown` completes. Then it accepts no new connections, waits up to five
    /// seconds for the requests being served, and returns. Dropping the future ends everything at
    /// once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        let graceful = GracefulShutdown::new();
        let mut shutdown = std::pin::pin!(shutdown);
        // The clock starts with the server.
        self.clock.now();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection::serve(
                            stream,
                            self.acceptor.clone(),
                            self.region.clone(),
                            Arc::clone(&self.clock),
                            graceful.watcher(),
                        ));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        // Connections that do not end in time are aborted with the set.
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("tls", &self.acceptor.is_some())
            .field("speed", &self.clock.speed())
            .finish_non_exhaustive()
    }
}
