//! What is still to be sent, and how a refused batch is taken apart. Pure.
//!
//! A refusal is certain, so the servers of a refused batch may be sent again in smaller batches. If one server can be
//! the reason, the batch is halved until the culprits stand alone. The second half waits for the first: if the first is
//! accepted, the culprit is in the second, which then is halved without being sent as a whole.

use std::collections::{HashMap, VecDeque};

use ecs_model::ServerId;

/// Servers to send together.
#[derive(Debug)]
struct Piece {
    servers: Vec<ServerId>,
    /// The other half of a batch that was refused, which waits for this one.
    other_half: Option<Vec<ServerId>>,
}

/// What is still to be sent.
#[derive(Debug)]
pub(crate) struct Queue {
    ready: VecDeque<Piece>,
    /// Other halves, by the batch that they wait for.
    waiting: HashMap<usize, Vec<ServerId>>,
    /// The most servers that the service takes, as far as we know.
    limit: usize,
}

impl Queue {
    pub(crate) fn new(batches: Vec<Vec<ServerId>>) -> Self {
        let piece = |servers| Piece {
            servers,
            other_half: None,
        };
        Self {
            ready: batches.into_iter().map(piece).collect(),
            waiting: HashMap::new(),
            limit: usize::MAX,
        }
    }

    /// What to send next, as batch `index`.
    pub(crate) fn next(&mut self, index: usize) -> Option<Vec<ServerId>> {
        let mut piece = self.ready.pop_front()?;
        if piece.servers.len() > self.limit {
            let rest = piece.servers.split_off(self.limit);
            self.put_first(piece.other_half.take());
            self.put_first(Some(rest));
        }
        if let Some(other_half) = piece.other_half {
            self.waiting.insert(index, other_half);
        }
        Some(piece.servers)
    }

    /// The service takes fewer servers than these in a request.
    pub(crate) fn too_many(&mut self, servers: Vec<ServerId>) {
        self.limit = self.limit.min((servers.len() / 2).max(1));
        self.put_first(Some(servers));
    }

    /// One or more of these are the reason of a refusal; `named` are those that the service mentioned.
    pub(crate) fn take_apart(&mut self, servers: Vec<ServerId>, named: &[ServerId]) {
        // Each suspect costs a request of its own. An answer that names many may just repeat what it was asked.
        let worth_it = servers.len().checked_ilog2().unwrap_or(0).max(1);
        let named = match u32::try_from(named.len()) {
            Ok(few) if few <= worth_it => named,
            _ => &[],
        };
        let (suspects, rest): (Vec<_>, Vec<_>) =
            servers.into_iter().partition(|id| named.contains(id));
        if suspects.is_empty() {
            self.halve(rest);
        } else if rest.is_empty() {
            self.halve(suspects);
        } else {
            for suspect in suspects {
                self.put_first(Some(vec![suspect]));
            }
            self.put_first(Some(rest));
        }
    }

    /// These are to be sent again, when the others have been sent.
    pub(crate) fn again(&mut self, servers: Vec<ServerId>) {
        self.ready.push_back(Piece {
            servers,
            other_half: None,
        });
    }

    /// Batch `index` was answered, or will never be.
    pub(crate) fn settled(&mut self, index: usize, accepted: bool) {
        match self.waiting.remove(&index) {
            Some(guilty) if accepted && guilty.len() > 1 => self.halve(guilty),
            other_half => self.put_first(other_half),
        }
    }

    fn halve(&mut self, mut servers: Vec<ServerId>) {
        let other_half = servers.split_off(servers.len() / 2);
        self.ready.push_front(Piece {
            servers,
            other_half: Some(other_half),
        });
    }

    fn put_first(&mut self, servers: Option<Vec<ServerId>>) {
        if let Some(servers) = servers {
            self.ready.push_front(Piece {
                servers,
                other_half: None,
            });
        }
    }

    /// What was never sent, or not since it was refused.
    pub(crate) fn left(&self) -> impl Iterator<Item = ServerId> + '_ {
        let ready = self.ready.iter().flat_map(|piece| {
            piece
                .servers
                .iter()
                .chain(piece.other_half.iter().flatten())
        });
        ready.chain(self.waiting.values().flatten()).copied()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
