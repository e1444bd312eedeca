//! The end of a server and of a request.

use ecs_model::ServerId;

use super::{RequestState, RunState};
use crate::event::Event;
use crate::report::Outcome;

impl RunState {
    /// Sets the outcome of a server; the first one is kept.
    pub(super) fn end_server(&mut self, id: ServerId, outcome: Outcome) -> Option<Event> {
        let outcome = self.set_outcome(id, outcome)?.clone();
        Some(Event::ServerDone(self.ledger.report_of(id, outcome)))
    }

    /// Sets the outcome of a server; the first one is kept. The outcome that was set, if it was.
    pub(super) fn set_outcome(&mut self, id: ServerId, outcome: Outcome) -> Option<&Outcome> {
        if self.ledger.outcomes.contains_key(&id) || self.is_soft_outcome(&id, &outcome) {
            return None;
        }
        let outcome = self.hold_for_verification(id, outcome)?;
        let outcome = self.merge_with_first_attempt(id, outcome);
        let outcome = self.hold_for_reading(id, outcome)?;
        let outcome = self.defer_for_escalation(id, outcome)?;
        self.keep_outcome(id, outcome)
    }

    pub(super) fn keep_outcome(&mut self, id: ServerId, outcome: Outcome) -> Option<&Outcome> {
        if let Some(waves) = &mut self.waves {
            waves.ended(id, &outcome);
        }
        // Room for all of them at once, but not before one is known: a run that does not wait has none.
        if self.ledger.outcomes.is_empty() {
            self.ledger.outcomes.reserve(self.servers.len());
        }
        self.ledger.outcomes.insert_first(id, outcome);
        self.ledger.outcomes.get(&id)
    }

    /// Ends a request: each of its servers gets this outcome, unless it has one.
    pub(super) fn end_request(&mut self, index: usize, outcome: &Outcome) -> Vec<Event> {
        let servers = self.ending(index).into_iter();
        let ended = servers.filter_map(|id| self.end_server(id, outcome.clone()));
        ended.collect()
    }

    /// The servers of a request, which ends.
    pub(super) fn ending(&mut self, index: usize) -> Vec<ServerId> {
        if let Some(request) = self.requests.get_mut(index) {
            request.state = RequestState::Ended;
        }
        self.servers(index).to_vec()
    }
}
