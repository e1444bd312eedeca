//! How requests about credentials travel.

use std::sync::Arc;

use ecs_transport::Transport;

/// How requests travel that are about credentials.
#[derive(Clone, Debug)]
pub struct Transports {
    /// To IAM: as to the service itself.
    pub services: Arc<dyn Transport>,
    /// To the metadata service, which is on a link of its own: never through a proxy.
    pub metadata: Arc<dyn Transport>,
}

impl Transports {
    /// Returns the same for both, which must not use a proxy.
    pub fn both(transport: Arc<dyn Transport>) -> Self {
        Self {
            services: Arc::clone(&transport),
            metadata: transport,
        }
    }
}
