//! Lists servers during a run: one list at a time, for all readers.
//!
//! The [reconciler](super::reconcile) wants lists after lost answers, the [verifier](super::verify)
//! while servers come to rest; each has a [schedule](super::schedule). The [hang watch](super::hang) wants one
//! now and then while restarts take long. A list that is due for one of them serves the others, too.

use std::collections::HashSet;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::ServerId;
use tokio::time::Instant;

use super::evidence::ServerList;
use super::hang::HangWatch;
use super::reconcile::{EvidenceQuery, Reconciler};
use super::state::RunState;
use super::verify::Verifier;
use crate::Client;
use crate::event::Event;

/// A list that is due for the reconciler so soon is made now.
const SOON: Duration = Duration::from_secs(2);

/// Decides when servers are listed, and for whom.
#[derive(Debug)]
pub(super) struct Observer {
    reconciler: Reconciler,
    /// `None`: servers are not verified.
    verifier: Option<Verifier>,
    hangs: HangWatch,
    underway: Option<Underway>,
}

/// The servers to read.
#[derive(Debug)]
pub(super) struct ListQuery {
    /// The reads before the servers.
    pub(super) evidence: EvidenceQuery,
    /// The servers.
    pub(super) servers: Vec<ServerId>,
}

/// A list that is being made.
#[derive(Debug)]
struct Underway {
    began: Instant,
    /// The servers that it is of.
    servers: HashSet<ServerId>,
    reconciles: bool,
    verifies: bool,
    reads_hangs: bool,
}

impl Observer {
    pub(super) fn new(
        reconciler: Reconciler,
        verifier: Option<Verifier>,
        hangs: HangWatch,
    ) -> Self {
        Self {
            reconciler,
            verifier,
            hangs,
            underway: None,
        }
    }

    /// Returns the time of the next list; `None` if a list is underway or not wanted. All are asked
    /// also while a list is underway: a server or a request that is new to them has its time from now
    /// on.
    pub(super) fn next_list(&mut self, client: &Client, state: &RunState) -> Option<Instant> {
        let reconcile = self.reconciler.next_list(client, state);
        let verify = self.next_of_verifier(client, state);
        let due = [reconcile, verify, self.hangs.next()];
        let next = due.into_iter().flatten().min();
        next.filter(|_| self.underway.is_none())
    }

    /// Returns `true` if the run must not end before another list. What only the hang watch wants
    /// keeps no run going: a server that hangs has a job that is watched.
    pub(super) fn needs_list(&mut self, client: &Client, state: &RunState) -> bool {
        self.reconciler.next_list(client, state).is_some()
            || self.next_of_verifier(client, state).is_some()
    }

    fn next_of_verifier(&mut self, client: &Client, state: &RunState) -> Option<Instant> {
        self.verifier.as_mut()?.next_list(client, state)
    }

    /// The time for a list has come. Returns what is to be read; `None` if no server is to be listed.
    pub(super) fn begin_list(&mut self, client: &Client, state: &RunState) -> Option<ListQuery> {
        let began = Instant::now();
        let reconcile = self.reconciler.next_list(client, state);
        let verify = self.next_of_verifier(client, state);
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= began);
        let hanging = if is_due(self.hangs.next()) {
            self.hangs.begin(client, state)
        } else {
            Vec::new()
        };
        let reads_hangs = !hanging.is_empty();
        if !(reads_hangs || is_due(reconcile) || is_due(verify)) {
            return None;
        }
        let soon = client.0.core.scaled(SOON);
        let reconciles = reconcile.is_some_and(|due| due <= began + soon);
        let mut servers: HashSet<ServerId> = hanging.into_iter().collect();
        servers.extend(self.verifier.iter().flat_map(Verifier::servers));
        if reconciles {
            servers.extend(self.reconciler.servers(state));
        }
        // In one order whatever the hashes are, so that a simulated run can be repeated.
        let mut in_order: Vec<ServerId> = servers.iter().copied().collect();
        in_order.sort_unstable();
        let query = ListQuery {
            evidence: if reconciles {
                self.reconciler.query(client, state)
            } else {
                EvidenceQuery::default()
            },
            servers: in_order,
        };
        self.underway = Some(Underway {
            began,
            servers,
            reconciles,
            verifies: verify.is_some(),
            reads_hangs,
        });
        Some(query)
    }

    /// Returns `true` if the run continues without the list that is underway.
    pub(super) fn is_optional(&self) -> bool {
        let underway = self.underway.as_ref();
        underway.is_some_and(|list| !list.reconciles && !list.verifies)
    }

    /// Applies the list that was underway. It is no evidence of anything after its beginning.
    pub(super) fn on_list(
        &mut self,
        client: &Client,
        state: &mut RunState,
        listed: Result<&ServerList, &Problem>,
    ) -> Vec<Event> {
        let Some(list) = self.underway.take() else {
            return Vec::new();
        };
        let (began, covered, mut events) = (list.began, &list.servers, Vec::new());
        if list.reconciles {
            let reconciler = &mut self.reconciler;
            events.extend(reconciler.on_list(client, state, began, covered, listed));
        }
        if let Some(verifier) = &mut self.verifier {
            events.extend(verifier.on_list(client, state, began, covered, listed));
        }
        if list.reads_hangs {
            self.hangs.on_list(client, state, began, listed);
        }
        events
    }
}

#[cfg(test)]
mod tests;
