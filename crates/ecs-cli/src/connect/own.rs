//! The server that this process runs on, from the metadata service.

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{MetadataKeys, Transports};
use ecs_ops::model::ServerId;

use super::Connection;

/// The time limit of the query. The metadata service is on the same host; elsewhere nothing answers.
const LIMIT: Duration = Duration::from_millis(1500);

/// Returns the metadata service at this address, or at its usual one.
pub(super) fn service(transports: &Transports, address: Option<&str>) -> MetadataKeys {
    let transport = Arc::clone(&transports.metadata);
    match address {
        Some(address) => MetadataKeys::at(transport, address),
        None => MetadataKeys::new(transport),
    }
}

impl Connection {
    /// Returns the server that this process runs on, if the metadata service answers in time.
    pub(crate) async fn own_server(&self) -> Option<ServerId> {
        let metadata = self.metadata.as_ref()?;
        let location = tokio::time::timeout(LIMIT, metadata.location()).await;
        location.ok()?.ok()?.server_id?.parse().ok()
    }
}
