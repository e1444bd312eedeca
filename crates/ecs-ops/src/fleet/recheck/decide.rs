//! The servers of a wave that are not ready, by what was found of them.

use std::collections::{HashMap, HashSet};

use ecs_model::ServerId;

use super::WaveRecheck;
use crate::PowerAction;
use crate::fleet::{Lookup, Unready, UnreadyServer};

impl WaveRecheck {
    /// The servers among these that are not ready, by what was found of them. A server of which
    /// nothing is known is ready: no wave begins on such a read.
    pub(crate) fn unready(
        self,
        action: PowerAction,
        servers: &[ServerId],
        found: &Lookup,
    ) -> Vec<UnreadyServer> {
        let absent: HashSet<_> = found.absent.iter().collect();
        let shown = found.servers.iter();
        let shown: HashMap<_, _> = shown
            .filter_map(|server| Some((server.id?, server)))
            .collect();
        let unready = |id: &ServerId| {
            if absent.contains(id) {
                return Some(UnreadyServer::new(*id, None, Unready::Absent));
            }
            let server = shown.get(id)?;
            let reason = self.reason(action, server)?;
            Some(UnreadyServer::new(*id, server.name.clone(), reason))
        };
        servers.iter().filter_map(unready).collect()
    }
}
