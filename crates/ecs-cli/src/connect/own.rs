//! Which server this process runs on, as the metadata service says.

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{MetadataKeys, Transports};
use ecs_ops::model::ServerId;

use super::Connection;

/// How long the look-up may take: the metadata service is on the same host. Elsewhere nothing answers, and nobody should
/// have to wait for that.
const LIMIT: Duration = Duration::from_millis(1500);

/// The metadata service at its usual address, or at this one.
pub(super) fn service(transports: &Transports, address: Option<&str>) -> MetadataKeys {
    let transport = Arc::clone(&transports.metadata);
    match address {
        Some(address) => MetadataKeys::at(transport, address),
        None => MetadataKeys::new(transport),
    }
}

impl Connection {
    /// The server that this process runs on, if it is one of the cloud and says so in time.
    pub(crate) async fn own_server(&self) -> Option<ServerId> {
        let metadata = self.metadata.as_ref()?;
        let location = tokio::time::timeout(LIMIT, metadata.location()).await;
        location.ok()?.ok()?.server_id?.parse().ok()
    }
}
