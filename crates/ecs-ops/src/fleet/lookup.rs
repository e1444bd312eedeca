//! The states of servers that were named by their ids.

use std::collections::{HashMap, HashSet};

use ecs_model::{Server, ServerId};
use futures_util::future::join_all;

use crate::{Client, Error, ErrorKind};

/// Up to so many servers are asked for one by one; for more of them the project is listed.
const ONE_BY_ONE: usize = 10;

/// What is known of servers that were named by their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Lookup {
    /// Those that there are, in the order in which they were named.
    pub servers: Vec<Server>,
    /// Those that the service does not know, or does not show, in the order in which they were named.
    pub missing: Vec<ServerId>,
}

impl Client {
    /// Looks at these servers: one by one if they are few, in the list of the project otherwise, or if looking at one is not
    /// permitted. Reads only.
    ///
    /// # Errors
    /// As of [`servers`](Self::servers). [`ErrorKind::Refused`] with status 403 or 404, or
    /// [`ErrorKind::Credentials`] with status 403: neither is permitted or possible, and nothing is known of the servers.
    pub async fn look_up(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        if ids.len() <= ONE_BY_ONE {
            match self.one_by_one(ids).await {
                Err(error) if is_forbidden(&error) => {}
                found => return found,
            }
        }
        let listed = super::servers(self).await?;
        let mut listed: HashMap<_, _> = listed
            .into_iter()
            .filter_map(|server| Some((server.id?, server)))
            .collect();
        let mut lookup = Lookup::default();
        let mut seen = HashSet::new();
        for id in ids.iter().filter(|id| seen.insert(**id)) {
            match listed.remove(id) {
                Some(server) => lookup.servers.push(server),
                None => lookup.missing.push(*id),
            }
        }
        Ok(lookup)
    }

    async fn one_by_one(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        let mut lookup = Lookup::default();
        let shown = join_all(ids.iter().map(|id| self.server(*id))).await;
        for (id, shown) in ids.iter().zip(shown) {
            match shown {
                Ok(mut server) => {
                    // The answer is about the server that was asked for.
                    server.id = Some(*id);
                    lookup.servers.push(server);
                }
                Err(error) if is_missing(&error) => lookup.missing.push(*id),
                Err(error) => return Err(error),
            }
        }
        Ok(lookup)
    }
}

/// Whether looking is not permitted.
fn is_forbidden(error: &Error) -> bool {
    error.problem().status() == Some(403)
}

/// Whether the service says that there is no such server: with a code of its own, which a page of anything in between
/// does not have, or in Nova's form.
fn is_missing(error: &Error) -> bool {
    let gateway = |code: &str| code.to_ascii_uppercase().starts_with("APIG");
    error.kind() == ErrorKind::Refused
        && error.problem().status() == Some(404)
        && error.code().is_some_and(|code| !gateway(code))
}

#[cfg(test)]
mod tests;
