//! A server in the background.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{ServerBuilder, ServerInfo};
use crate::{SharedRegion, SimError};

/// A [`Server`](crate::Server) that runs in a task of the current runtime until it is stopped or dropped.
///
/// ```
/// use ecs_sim::{Region, Server, SimServer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = SimServer::start(Server::builder(Region::builder().build()?)).await?;
/// let endpoint = &server.info().listening; // clients can use it now
/// assert!(endpoint.starts_with("http://"));
/// server.stop().await;
/// # Ok::<_, ecs_sim::SimError>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SimServer {
    info: ServerInfo,
    address: SocketAddr,
    region: SharedRegion,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl SimServer {
    /// Binds the server and runs it.
    ///
    /// # Errors
    /// As [`ServerBuilder::bind`].
    pub async fn start(builder: ServerBuilder) -> Result<Self, SimError> {
        let server = builder.bind().await?;
        let (stop, stopped) = oneshot::channel();
        let (info, address, region) = (server.info(), server.address(), server.region().clone());
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Ok(Self {
            info,
            address,
            region,
            stop: Some(stop),
            task,
        })
    }

    /// Returns what a client needs to connect and authenticate.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the region.
    pub fn region(&self) -> &SharedRegion {
        &self.region
    }

    /// Shuts down gracefully, as [`Server::run`](crate::Server::run) does. Dropping the handle
    /// instead ends everything at once.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
