//! Reads some servers of a project, by the fewest queries that the service allows.
//!
//! There are three ways: the list of the whole project, one query for each server, and the list with
//! a filter of ids, which not every service has. A [plan](plan) chooses one; servers that a way does
//! not show are read by the next, and at last in the whole list. So a filter that is ignored, refused
//! or cut short costs a query and proves nothing.

mod plan;

use std::collections::HashSet;

use ecs_client::{RequestContext, RetryState, Stale};
use ecs_model::{ErrorInfo, ListServersDetails, Server, ServerId, ShowServer};
use futures_util::StreamExt as _;
use futures_util::stream;

use self::plan::{MAX_IDS, ReadPlan, filtered, plan};
use super::known_place::{PlaceFacts, Support};
use super::read;
use crate::{Client, Error, ErrorKind};

/// The most queries of single servers that are under way.
const CONCURRENT: usize = 8;

/// The purpose of a read of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadPurpose {
    /// To choose what a run acts on: the list is read whole, with new tries.
    Selection,
    /// For evidence of their present state, again and again: an answer of a cache is none.
    Evidence,
    /// The same, once.
    SingleEvidence,
    /// For evidence that servers are absent: the list is read whole, with new tries, and an answer of
    /// a cache is none.
    Absence,
}

impl ReadPurpose {
    /// Returns the assumed number of pages in a project of unknown size.
    fn pages_if_unknown(self) -> usize {
        match self {
            // Up to ten servers are queried one by one, or by their ids up to a thousand.
            Self::Selection | Self::Absence => 11,
            // The list shows the size to the reads that follow.
            Self::Evidence => 1,
            Self::SingleEvidence => 6,
        }
    }

    fn takes(self, stale: Option<&Stale>) -> bool {
        self == Self::Selection || stale.is_none()
    }
}

/// Servers that were read.
#[derive(Debug, Default)]
pub(crate) struct ServersRead {
    /// The servers that the service shows, each once, in any order.
    pub(crate) servers: Vec<Server>,
    /// The servers that certainly do not exist: the service says so, or its list has others and not these.
    pub(crate) absent: HashSet<ServerId>,
}

impl Client {
    /// Reads these servers by the fewest queries. Credentials that are refused are used once.
    ///
    /// # Errors
    /// The credentials were refused, the service throttles, or the list cannot be read, which is the
    /// last resort.
    pub(crate) async fn read_servers(
        &self,
        ids: &[ServerId],
        purpose: ReadPurpose,
    ) -> Result<ServersRead, Error> {
        let mut read = ServersRead::default();
        let mut distinct = HashSet::with_capacity(ids.len());
        let mut open = ids.to_vec();
        open.retain(|id| distinct.insert(*id));
        let mut place = self.0.place.get();
        while !open.is_empty() {
            // Each way is tried once; the whole list leaves nothing open.
            match plan(open.len(), place, purpose.pages_if_unknown()) {
                ReadPlan::ByIds => {
                    self.by_ids(&mut open, &mut read, purpose).await?;
                    place.id_filter = Support::No;
                }
                ReadPlan::OneByOne => {
                    self.one_by_one(&mut open, &mut read, purpose).await?;
                    place.single_queries = Support::No;
                }
                ReadPlan::WholeList => {
                    let listed = match purpose {
                        ReadPurpose::Selection => read::servers(self).await?,
                        ReadPurpose::Absence => read::whole_list_now(self).await?,
                        ReadPurpose::Evidence | ReadPurpose::SingleEvidence => {
                            read::servers_now(self).await?
                        }
                    };
                    take_list(&mut open, &mut read, listed);
                }
            }
        }
        Ok(read)
    }

    /// Reads servers by lists that are filtered by ids. Leaves open what these do not show.
    async fn by_ids(
        &self,
        open: &mut Vec<ServerId>,
        read: &mut ServersRead,
        purpose: ReadPurpose,
    ) -> Result<(), Error> {
        let mut shown = HashSet::new();
        for ids in open.chunks(MAX_IDS) {
            let answer = match self.filtered_list(ids, purpose).await {
                Ok(rows) => filtered(ids, rows),
                Err(error) if ends_reading(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the list was not filtered by ids");
                    self.0.place.update(|place| place.id_filter = Support::No);
                    break;
                }
            };
            self.0
                .place
                .update(|place| place.id_filter = answer.support);
            shown.extend(answer.servers.iter().filter_map(|server| server.id));
            read.servers.extend(answer.servers);
            if answer.support == Support::No {
                break;
            }
        }
        open.retain(|id| !shown.contains(id));
        Ok(())
    }

    async fn filtered_list(
        &self,
        ids: &[ServerId],
        purpose: ReadPurpose,
    ) -> Result<Vec<Server>, Error> {
        // Each list has another size, so that what a cache keeps of one does not answer the next.
        let spare = read::varied_size(&self.0.core);
        let limit = u64::try_from(ids.len() + spare).unwrap_or(u64::MAX);
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let query = ListServersDetails::builder()
            .server_id(texts.join(","))
            .limit(limit)
            .build()?;
        let mut context = RequestContext::read();
        let page = self.0.core.execute(&query, &mut context).await?;
        if !purpose.takes(context.stale()) {
            return Err(read::no_evidence(context.stale()));
        }
        Ok(page.servers.unwrap_or_default())
    }

    /// Queries single servers, the first one alone. Leaves open what these queries do not show.
    async fn one_by_one(
        &self,
        open: &mut Vec<ServerId>,
        read: &mut ServersRead,
        purpose: ReadPurpose,
    ) -> Result<(), Error> {
        // A query that failed is repeated once: beyond that there is the list.
        for _ in 0..2 {
            let Some((first, others)) = open.split_first() else {
                return Ok(());
            };
            let mut shown = vec![self.query_server(*first, purpose).await?];
            if !matches!(shown.first(), Some((_, Shown::Server(_) | Shown::Absent))) {
                // It may be that the service cannot be reached.
                self.refuse_single_queries(&shown);
                return Ok(());
            }
            {
                let others = others.iter().copied();
                let queries = others.map(|id| self.query_server(id, purpose));
                let mut queries = stream::iter(queries).buffered(CONCURRENT);
                while let Some(answer) = queries.next().await {
                    shown.push(answer?);
                }
            }
            let refused = self.refuse_single_queries(&shown);
            let mut known = HashSet::new();
            for (id, shown) in shown {
                match shown {
                    Shown::Server(server) => read.servers.push(*server),
                    Shown::Absent => drop(read.absent.insert(id)),
                    Shown::Nothing | Shown::Refused => continue,
                }
                known.insert(id);
            }
            open.retain(|id| !known.contains(id));
            if refused {
                break;
            }
        }
        Ok(())
    }

    /// Notes whether one of these queries was refused: then servers are not queried one by one again.
    fn refuse_single_queries(&self, shown: &[(ServerId, Shown)]) -> bool {
        let refused = shown
            .iter()
            .any(|(_, shown)| matches!(shown, Shown::Refused));
        if refused {
            let no = |place: &mut PlaceFacts| place.single_queries = Support::No;
            self.0.place.update(no);
        }
        refused
    }

    /// Queries one server. To choose servers, once: there is the list. As evidence, again and again
    /// like the list.
    async fn query_server(
        &self,
        id: ServerId,
        purpose: ReadPurpose,
    ) -> Result<(ServerId, Shown), Error> {
        let mut context = if purpose == ReadPurpose::Selection {
            RequestContext::poll(RetryState::default())
        } else {
            // Only of reads it is noticed that an answer is an earlier one.
            RequestContext::read()
        };
        let query = ShowServer::new(id);
        let answer = self.0.core.execute(&query, &mut context).await;
        let shown = match answer.map_err(Error::from) {
            // A cache answers the same query again and again; that of the list can be varied.
            Ok(_) if !purpose.takes(context.stale()) => Shown::Refused,
            Ok(answer) => match answer.server {
                // An answer without an id is about the requested server.
                Some(mut server) if server.id.is_none_or(|shown| shown == id) => {
                    server.id = Some(id);
                    Shown::Server(Box::new(server))
                }
                _ => Shown::Refused,
            },
            Err(error) if error.problem().status() == Some(401) => return Err(error),
            Err(error) if purpose != ReadPurpose::Selection && ends_reading(&error) => {
                return Err(error);
            }
            // Caches also keep that something was not found.
            Err(error) if is_missing(&error) => {
                if purpose.takes(context.stale()) {
                    Shown::Absent
                } else {
                    Shown::Refused
                }
            }
            // An answer that cannot be read will not be better the next time.
            Err(error) if matches!(error.problem().status(), Some(200..300)) => Shown::Refused,
            Err(error) => match error.kind() {
                ErrorKind::Refused | ErrorKind::Credentials | ErrorKind::NotTheService => {
                    Shown::Refused
                }
                _ if purpose == ReadPurpose::Selection => Shown::Nothing,
                _ => Shown::Refused,
            },
        };
        Ok((id, shown))
    }
}

/// The result of one query of a server.
enum Shown {
    Server(Box<Server>),
    /// The service has no such server.
    Absent,
    /// No answer; the next may be one.
    Nothing,
    /// This way is refused, or its answers cannot be used.
    Refused,
}

/// Returns `true` if another way of reading would end alike.
fn ends_reading(error: &Error) -> bool {
    error.problem().status() == Some(401) || error.kind() == ErrorKind::Deadline
}

/// Returns `true` if the service says that there is no such server: with a code of its own, which a
/// page of anything in between does not have, or in Nova's form.
fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused
        && error.problem().status() == Some(404)
        && error
            .code()
            .is_some_and(|code| !ErrorInfo::is_of_gateway(code))
}

/// Takes the servers that are open from a list of the whole project, which is large: where it is. A
/// list without servers proves nothing.
fn take_list(open: &mut Vec<ServerId>, read: &mut ServersRead, mut listed: Vec<Server>) {
    let is_evidence = !listed.is_empty();
    let mut left: HashSet<ServerId> = open.drain(..).collect();
    // The first one, if it is in the list twice.
    listed.retain(|server| server.id.is_some_and(|id| left.remove(&id)));
    if read.servers.is_empty() {
        read.servers = listed;
    } else {
        read.servers.extend(listed);
    }
    if is_evidence {
        read.absent.extend(left);
    }
}

#[cfg(test)]
mod tests;
