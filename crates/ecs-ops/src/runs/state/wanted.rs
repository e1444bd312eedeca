//! Servers that were not started or stopped because they are in the wanted state already.

use ecs_client::Problem;
use ecs_model::ServerId;

use super::RunState;
use crate::action::PowerAction;
use crate::event::Event;
use crate::report::{Evidence, Outcome};
use crate::runs::evidence::{RestState, ServerList, rest_state};

impl RunState {
    /// Holds the failure of a start or a stop back until the server was read. Returns every other
    /// outcome.
    pub(super) fn hold_for_reading(&mut self, id: ServerId, outcome: Outcome) -> Option<Outcome> {
        if self.to_read.contains_key(&id) {
            return None;
        }
        let idle = matches!(self.action, PowerAction::Start | PowerAction::Stop(_));
        if !idle || self.denied.is_some() || !matches!(outcome, Outcome::Failed { .. }) {
            return Some(outcome);
        }
        self.to_read.insert(id, outcome);
        None
    }

    /// The servers to read.
    pub(crate) fn servers_to_read(&self) -> Vec<ServerId> {
        self.to_read.keys().copied().collect()
    }

    /// Applies a reading of these servers: one in the wanted state succeeded, others failed.
    pub(crate) fn servers_read(
        &mut self,
        servers: &[ServerId],
        read: Result<&ServerList, &Problem>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for id in servers {
            let Some(failure) = self.to_read.remove(id) else {
                continue;
            };
            let state = read.map(|read| rest_state(self.action, read.get(id)));
            let outcome = match state {
                Ok(RestState::AtRest) => Outcome::Succeeded {
                    job_id: failure.job_id().cloned(),
                    evidence: Evidence::WantedState,
                },
                _ => failure,
            };
            let outcome = self.keep_outcome(*id, outcome).cloned();
            let report = outcome.map(|outcome| self.ledger.report_of(*id, outcome));
            events.extend(report.map(Event::ServerDone));
        }
        events
    }

    /// Ends the reading: servers that were not read have failed.
    pub(super) fn stop_reading(&mut self) {
        for (id, failure) in std::mem::take(&mut self.to_read) {
            self.keep_outcome(id, failure);
        }
    }
}

#[cfg(test)]
mod tests;
