//! Reads servers whose start or stop failed: they may be in the wanted state.

use ecs_auth::BoxFuture;

use super::{Driver, Step};
use crate::Error;
use crate::control::Level;
use crate::fleet::ReadPurpose;
use crate::runs::reconcile::read_servers;
use crate::runs::state::RunState;

impl<'a> Driver<'a> {
    /// Reads the servers that may be in the wanted state, if there are any.
    pub(super) fn read_servers(self, state: &RunState) -> Option<BoxFuture<'a, Step>> {
        let servers = state.servers_to_read();
        if servers.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            let read = tokio::select! {
                biased;
                () = self.poll_control.reached(Level::End) => Err(Error::invalid("no longer wanted")),
                read = read_servers(self.client, &servers, ReadPurpose::SingleEvidence) => read,
            };
            Step::ServersRead(servers, read)
        }))
    }
}
