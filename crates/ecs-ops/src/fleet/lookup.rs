//! The states of servers that were named by their ids.

use std::collections::HashSet;

use ecs_model::{Server, ServerId};
use rustc_hash::FxHashMap;

use super::subset::{ReadPurpose, ServersRead};
use crate::{Client, Error};

/// The states of servers that were named by their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Lookup {
    /// The servers that exist, in the order in which they were named.
    pub servers: Vec<Server>,
    /// The servers that the service does not know or does not show, in the order in which they
    /// were named.
    pub missing: Vec<ServerId>,
    /// The missing servers that certainly do not exist: the service says so, or its list has other
    /// servers and not these. An empty list or an empty answer proves nothing.
    pub absent: Vec<ServerId>,
}

impl Lookup {
    /// The servers in the order in which they were named, each once. What the service shows of a
    /// server is large, so that they are sorted where they are.
    fn in_order(ids: &[ServerId], read: ServersRead) -> Self {
        let ServersRead {
            mut servers,
            absent,
        } = read;
        let mut places = FxHashMap::default();
        places.reserve(ids.len());
        for (place, id) in ids.iter().enumerate() {
            places.entry(*id).or_insert(place);
        }
        servers.sort_by_cached_key(|server| places.get(&server.id?).copied());
        servers.shrink_to_fit();
        let found: HashSet<ServerId> = servers.iter().filter_map(|server| server.id).collect();
        let missing = ids.iter().enumerate().filter(|(place, id)| {
            // Once, however often it was named.
            places.get(*id) == Some(place) && !found.contains(*id)
        });
        let missing: Vec<ServerId> = missing.map(|(_, id)| *id).collect();
        let is_absent = |id: &&ServerId| absent.contains(*id);
        Self {
            servers,
            absent: missing.iter().filter(is_absent).copied().collect(),
            missing,
        }
    }
}

impl Client {
    /// Reads these servers by the fewest queries: one by one if they are few, by lists filtered by
    /// ids where the service has that filter, otherwise by the list of the project. The first read
    /// is made alone, so that refused credentials are used once.
    ///
    /// # Errors
    /// As of [`servers`](Self::servers); the credentials were refused, or the list can neither be
    /// had.
    pub async fn look_up(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        let read = self.read_servers(ids, ReadPurpose::Selection).await?;
        Ok(Lookup::in_order(ids, read))
    }

    /// The same as they are now: an answer of a cache is an error.
    pub(crate) async fn look_up_now(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        let mut read = self.read_servers(ids, ReadPurpose::SingleEvidence).await?;
        if !read.absent.is_empty() {
            // A list that is read once misses a server whose page has moved meanwhile.
            let mut absent: Vec<ServerId> = read.absent.drain().collect();
            absent.sort_unstable();
            let again = self.read_servers(&absent, ReadPurpose::Absence).await?;
            read.absent = again.absent;
            read.servers.extend(again.servers);
        }
        Ok(Lookup::in_order(ids, read))
    }
}

#[cfg(test)]
mod tests;
