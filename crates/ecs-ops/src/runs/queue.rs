//! The queue of requests, and how refused ones are split. Pure.
//!
//! A refusal is certain, so the servers of a refused request may be sent again in smaller requests.
//! If one server can be the reason, the request is bisected until the suspects stand alone. The
//! second half waits for the first: if the first is accepted, the suspect is in the second, which
//! is bisected without being sent as a whole.
//!
//! A service that refuses everything must not get a request for each server: after
//! [`REFUSALS_BEFORE_PROBES`] refusals in a row, single servers of other requests are sent, and
//! after [`MAX_REFUSALS`] in a row nothing.

use std::collections::{HashMap, HashSet, VecDeque};

use ecs_model::ServerId;

/// The number of refusals in a row after which single servers of other requests are sent, to find
/// out whether the service refuses everything. More than it takes to halve the largest request.
const REFUSALS_BEFORE_PROBES: u32 = 12;
/// The number of refusals in a row after which the run sends nothing more.
const MAX_REFUSALS: u32 = 24;

/// A queued request.
#[derive(Debug)]
struct QueuedRequest {
    servers: Vec<ServerId>,
    /// The other half of a refused request, which waits for this one.
    other_half: Option<Vec<ServerId>>,
}

/// The queue of requests.
#[derive(Debug)]
pub(crate) struct RequestQueue {
    ready: VecDeque<QueuedRequest>,
    /// Other halves, by the request they wait for.
    waiting: HashMap<usize, Vec<ServerId>>,
    /// The most servers that the service accepts in a request, as far as known.
    limit: usize,
    /// The number of refusals since a request was accepted.
    refusals: u32,
}

impl RequestQueue {
    pub(crate) fn new(requests: Vec<Vec<ServerId>>) -> Self {
        let queued = |servers| QueuedRequest {
            servers,
            other_half: None,
        };
        Self {
            ready: requests.into_iter().map(queued).collect(),
            waiting: HashMap::new(),
            limit: usize::MAX,
            refusals: 0,
        }
    }

    /// The servers of the next request, which gets this index.
    pub(crate) fn next(&mut self, index: usize) -> Option<Vec<ServerId>> {
        if self.refusals >= REFUSALS_BEFORE_PROBES {
            return self.next_single(index);
        }
        self.next_whole(index)
    }

    /// A single server to send as the next request: from the middle of the largest one.
    pub(crate) fn next_single(&mut self, index: usize) -> Option<Vec<ServerId>> {
        let requests = self.ready.iter_mut();
        let largest = requests.max_by_key(|queued| queued.servers.len());
        match largest.filter(|queued| queued.servers.len() > 1) {
            Some(queued) => {
                let middle = queued.servers.len() / 2;
                Some(vec![queued.servers.remove(middle)])
            }
            None => self.next_whole(index),
        }
    }

    fn next_whole(&mut self, index: usize) -> Option<Vec<ServerId>> {
        let mut queued = self.ready.pop_front()?;
        if queued.servers.len() > self.limit {
            let rest = queued.servers.split_off(self.limit);
            self.push_front(queued.other_half.take());
            self.push_front(Some(rest));
        }
        if let Some(other_half) = queued.other_half {
            self.waiting.insert(index, other_half);
        }
        Some(queued.servers)
    }

    /// Queues a request again that had too many servers, and lowers the limit.
    pub(crate) fn too_many(&mut self, servers: Vec<ServerId>) {
        self.limit = self.limit.min((servers.len() / 2).max(1));
        self.push_front(Some(servers));
    }

    /// Splits a refused request; `named` are the servers that the service mentioned.
    pub(crate) fn split(&mut self, servers: Vec<ServerId>, named: &[ServerId]) {
        // An answer that names most servers may only repeat the request.
        let named: HashSet<_> = if named.len() <= (servers.len() / 2).max(1) {
            named.iter().collect()
        } else {
            HashSet::new()
        };
        let few = servers.len().checked_ilog2().unwrap_or(0).max(1);
        let (suspects, rest): (Vec<_>, Vec<_>) =
            servers.into_iter().partition(|id| named.contains(id));
        if suspects.is_empty() {
            self.bisect(rest);
        } else if rest.is_empty() {
            self.bisect(suspects);
        } else {
            // Each suspect alone costs a request.
            match u32::try_from(suspects.len()) {
                Ok(count) if count <= few => {
                    for suspect in suspects {
                        self.push_front(Some(vec![suspect]));
                    }
                }
                _ => self.push_front(Some(suspects)),
            }
            self.push_front(Some(rest));
        }
    }

    /// A request was refused.
    pub(crate) fn refused(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    /// The number of refusals in a row, if there are too many to continue. The last few servers are
    /// sent anyway.
    pub(crate) fn gives_up(&self) -> Option<u32> {
        const FEW: usize = MAX_REFUSALS as usize;
        (self.refusals >= MAX_REFUSALS && self.left().nth(FEW).is_some()).then_some(self.refusals)
    }

    /// Queues servers behind all others.
    pub(crate) fn push_back(&mut self, servers: Vec<ServerId>) {
        self.ready.push_back(QueuedRequest {
            servers,
            other_half: None,
        });
    }

    /// Request `index` was answered, or never will be.
    pub(crate) fn answered(&mut self, index: usize, accepted: bool) {
        if accepted {
            self.refusals = 0;
        }
        match self.waiting.remove(&index) {
            Some(suspects) if accepted && suspects.len() > 1 => self.bisect(suspects),
            other_half => self.push_front(other_half),
        }
    }

    fn bisect(&mut self, mut servers: Vec<ServerId>) {
        let other_half = servers.split_off(servers.len() / 2);
        self.ready.push_front(QueuedRequest {
            servers,
            other_half: Some(other_half),
        });
    }

    fn push_front(&mut self, servers: Option<Vec<ServerId>>) {
        if let Some(servers) = servers {
            self.ready.push_front(QueuedRequest {
                servers,
                other_half: None,
            });
        }
    }

    /// Returns `true` if a request can be taken now.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The servers that were never sent, or not since a refusal.
    pub(crate) fn left(&self) -> impl Iterator<Item = ServerId> + '_ {
        let ready = self.ready.iter().flat_map(|queued| {
            queued
                .servers
                .iter()
                .chain(queued.other_half.iter().flatten())
        });
        ready.chain(self.waiting.values().flatten()).copied()
    }
}

#[cfg(test)]
mod tests;
