//! What is still to be sent, and how a refused request is taken apart. Pure.
//!
//! A refusal is certain, so the servers of a refused request may be sent again in smaller requests. If one server can be
//! the reason, the request is halved until the culprits stand alone. The second half waits for the first: if the first is
//! accepted, the culprit is in the second, which then is halved without being sent as a whole.

use std::collections::{HashMap, VecDeque};

use ecs_model::ServerId;

/// Servers to send together.
#[derive(Debug)]
struct QueuedRequest {
    servers: Vec<ServerId>,
    /// The other half of a request that was refused, which waits for this one.
    other_half: Option<Vec<ServerId>>,
}

/// What is still to be sent.
#[derive(Debug)]
pub(crate) struct RequestQueue {
    ready: VecDeque<QueuedRequest>,
    /// Other halves, by the request that they wait for.
    waiting: HashMap<usize, Vec<ServerId>>,
    /// The most servers that the service takes, as far as we know.
    limit: usize,
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
        }
    }

    /// What to send next, as request `index`.
    pub(crate) fn next(&mut self, index: usize) -> Option<Vec<ServerId>> {
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

    /// The service takes fewer servers than these in a request.
    pub(crate) fn too_many(&mut self, servers: Vec<ServerId>) {
        self.limit = self.limit.min((servers.len() / 2).max(1));
        self.push_front(Some(servers));
    }

    /// One or more of these are the reason of a refusal; `named` are those that the service mentioned.
    pub(crate) fn split(&mut self, servers: Vec<ServerId>, named: &[ServerId]) {
        // Each suspect costs a request of its own. An answer that names many may just repeat what it was asked.
        let worth_it = servers.len().checked_ilog2().unwrap_or(0).max(1);
        let named = match u32::try_from(named.len()) {
            Ok(few) if few <= worth_it => named,
            _ => &[],
        };
        let (suspects, rest): (Vec<_>, Vec<_>) =
            servers.into_iter().partition(|id| named.contains(id));
        if suspects.is_empty() {
            self.bisect(rest);
        } else if rest.is_empty() {
            self.bisect(suspects);
        } else {
            for suspect in suspects {
                self.push_front(Some(vec![suspect]));
            }
            self.push_front(Some(rest));
        }
    }

    /// These are to be sent again, when the others have been sent.
    pub(crate) fn push_back(&mut self, servers: Vec<ServerId>) {
        self.ready.push_back(QueuedRequest {
            servers,
            other_half: None,
        });
    }

    /// Request `index` was answered, or will never be.
    pub(crate) fn answered(&mut self, index: usize, accepted: bool) {
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

    /// What was never sent, or not since it was refused.
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
