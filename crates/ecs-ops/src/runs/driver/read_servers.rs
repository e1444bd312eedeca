//! Reads servers whose start or stop failed: they may be in the wanted state.

use ecs_auth::BoxFuture;
use ecs_model::ServerId;

use super::{Driver, Step};
use crate::control::Level;
use crate::runs::evidence::ServerList;
use crate::runs::reconcile::list;
use crate::runs::state::RunState;
use crate::{Client, Error};

/// The most servers that are read one by one; more are read by a list.
const ONE_BY_ONE: usize = 5;

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
                read = read(self.client, &servers) => read,
            };
            Step::ServersRead(servers, read)
        }))
    }
}

async fn read(client: &Client, servers: &[ServerId]) -> Result<ServerList, Error> {
    if servers.len() > ONE_BY_ONE {
        return list(client).await;
    }
    let mut read = ServerList::default();
    for id in servers {
        match client.server(*id).await {
            Ok(server) => read.insert(*id, server),
            // The list may show more.
            Err(_) => return list(client).await,
        };
    }
    Ok(read)
}
