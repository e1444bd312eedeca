//! The states of servers that were named by their ids.

use ecs_client::{Problem, RequestContext, RetryState};
use ecs_model::{Server, ServerId, ShowServer};
use futures_util::future::try_join_all;
use rustc_hash::FxHashMap;

use crate::{Client, Error, ErrorKind};

/// Up to so many servers are asked for one by one; for more of them the project is listed.
const ONE_BY_ONE: usize = 10;

/// What is known of servers that were named by their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Lookup {
    /// Those that there are, in the order in which they were named.
    pub servers: Vec<Server>,
    /// Those that the service does not know, or does not show, in the order in which they were
    /// named.
    pub missing: Vec<ServerId>,
    /// Those of them that the service certainly does not have: it says so, or its list has other
    /// servers and not these. An empty list or an empty answer proves nothing.
    pub absent: Vec<ServerId>,
}

impl Lookup {
    /// Those of these servers that are in a list, in their order. What the service shows of a server
    /// is large, so that the list is sorted where it is.
    fn in_list(ids: &[ServerId], mut servers: Vec<Server>) -> Self {
        let is_evidence = !servers.is_empty();
        let mut places = FxHashMap::default();
        places.reserve(ids.len());
        for (place, id) in ids.iter().enumerate() {
            places.entry(*id).or_insert((place, false));
        }
        servers.retain(|server| {
            let place = server.id.and_then(|id| places.get_mut(&id));
            // The first one, if it is in the list twice.
            place.is_some_and(|(_, found)| !std::mem::replace(found, true))
        });
        let place = |server: &Server| Some(places.get(&server.id?)?.0);
        servers.sort_by_cached_key(place);
        servers.shrink_to_fit();
        let missing = ids.iter().enumerate().filter(|(place, id)| {
            // Once, however often it was named.
            places.get(*id) == Some(&(*place, false))
        });
        let missing: Vec<ServerId> = missing.map(|(_, id)| *id).collect();
        let absent = if is_evidence {
            missing.clone()
        } else {
            Vec::new()
        };
        Self {
            servers,
            missing,
            absent,
        }
    }
}

impl Client {
    /// Looks at these servers: one by one if they are few, in the list of the project if they are
    /// many, or if looking at one is not possible. Reads only, and the first read alone:
    /// credentials that are refused are used once.
    ///
    /// # Errors
    /// As of [`servers`](Self::servers); the credentials were refused, or the list can neither be
    /// had.
    pub async fn look_up(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        if ids.len() <= ONE_BY_ONE {
            match self.one_by_one(ids, false).await {
                Err(error) if error.problem().status() != Some(401) => {}
                found => return found,
            }
        }
        let listed = super::read::servers(&self.0.core).await?;
        Ok(Lookup::in_list(ids, listed))
    }

    /// The same as they are now: an answer of a cache is an error.
    pub(crate) async fn look_up_now(&self, ids: &[ServerId]) -> Result<Lookup, Error> {
        if ids.len() <= ONE_BY_ONE {
            match self.one_by_one(ids, true).await {
                Err(error) if error.problem().status() != Some(401) => {}
                found => return found,
            }
        }
        let listed = super::read::all_servers_now(&self.0.core).await?;
        Ok(Lookup::in_list(ids, listed))
    }

    async fn one_by_one(&self, ids: &[ServerId], now: bool) -> Result<Lookup, Error> {
        let Some((first, others)) = ids.split_first() else {
            return Ok(Lookup::default());
        };
        let mut shown = vec![self.query_server(*first, now).await?];
        shown.extend(try_join_all(others.iter().map(|id| self.query_server(*id, now))).await?);
        let mut lookup = Lookup::default();
        for (id, server) in ids.iter().zip(shown) {
            match server {
                Shown::Server(server) => lookup.servers.push(*server),
                Shown::Absent => {
                    lookup.missing.push(*id);
                    lookup.absent.push(*id);
                }
                Shown::Nothing => lookup.missing.push(*id),
            }
        }
        Ok(lookup)
    }

    /// One look at one server, which is not repeated: there is another way.
    async fn query_server(&self, id: ServerId, now: bool) -> Result<Shown, Error> {
        let mut once = RequestContext::poll(RetryState::default());
        let shown = self.0.core.execute(&ShowServer::new(id), &mut once).await;
        if let Some(stale) = once.stale().filter(|_| now) {
            let problem = Problem::new(format!("the answer is no evidence: {stale}"));
            return Err(Error::new(ErrorKind::Cached, problem));
        }
        match shown.map_err(Error::from) {
            Ok(shown) => Ok(shown.server.map_or(Shown::Nothing, |mut server| {
                // The answer is about the server that was asked for.
                server.id = Some(id);
                Shown::Server(Box::new(server))
            })),
            Err(error) if is_missing(&error) => Ok(Shown::Absent),
            Err(error) => Err(error),
        }
    }
}

/// What one look at a server shows.
enum Shown {
    Server(Box<Server>),
    /// The service has no such server.
    Absent,
    /// An answer without a server.
    Nothing,
}

/// Whether the service says that there is no such server: with a code of its own, which a page of
/// anything in between does not have, or in Nova's form.
fn is_missing(error: &Error) -> bool {
    let gateway = |code: &str| code.to_ascii_uppercase().starts_with("APIG");
    error.kind() == ErrorKind::Refused
        && error.problem().status() == Some(404)
        && error.code().is_some_and(|code| !gateway(code))
}

#[cfg(test)]
mod tests;
