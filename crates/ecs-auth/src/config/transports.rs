//! Transports of requests about credentials.

use std::sync::Arc;

use ecs_transport::Transport;

/// The transports of requests about credentials.
#[derive(Clone, Debug)]
pub struct Transports {
    /// To IAM, and to the service itself.
    pub services: Arc<dyn Transport>,
    /// To the metadata service, which is link-local: never through a proxy.
    pub metadata: Arc<dyn Transport>,
}

impl Transports {
    /// Uses one transport for both, which must not use a proxy.
    pub fn both(transport: Arc<dyn Transport>) -> Self {
        Self {
            services: Arc::clone(&transport),
            metadata: transport,
        }
    }
}
