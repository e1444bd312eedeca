//! Servers that hang in their soft restart.

use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{RebootType, Server, ServerId, ServerStatus};

use super::{RequestState, RunState};
use crate::action::PowerAction;
use crate::report::Outcome;
use crate::rolling::{Escalation, HangHistory, HangReading, escalate_hang};
use crate::runs::evidence::ServerList;

/// The reading of a listed server whose soft restart was accepted. Pure.
fn hang_reading(server: Option<&Server>) -> HangReading {
    let Some(server) = server else {
        return HangReading::Other;
    };
    let task = server.task_state.as_deref().unwrap_or_default();
    // A task of a hard restart is none of a soft one.
    let soft = task.starts_with("reboot") && !task.ends_with("_hard");
    match &server.updated {
        Some(updated) if soft && server.status == Some(ServerStatus::Reboot) => {
            HangReading::Restarting {
                task: task.to_owned(),
                updated: updated.clone(),
            }
        }
        _ => HangReading::Other,
    }
}

impl RunState {
    /// Notes that a poll of a job did not show it.
    pub(crate) fn poll_failed(&mut self, index: usize) {
        if let Some(request) = self.requests.get_mut(index) {
            request.shown_running = false;
        }
    }

    /// Returns `true` if servers that hang are restarted hard.
    pub(crate) fn watches_hangs(&self) -> bool {
        let escalations = self.escalations.as_ref();
        escalations.is_some_and(|escalations| escalations.hang.is_some())
            && self.action == PowerAction::Reboot(RebootType::Soft)
    }

    /// The servers whose soft restart was accepted and has not ended, with their request.
    pub(crate) fn restarting(&self) -> Vec<(usize, ServerId)> {
        let mut restarting = Vec::new();
        for (index, request) in self.requests.iter().enumerate() {
            let accepted = matches!(request.state, RequestState::Accepted(_));
            if !accepted || self.action_of(index) != PowerAction::Reboot(RebootType::Soft) {
                continue;
            }
            let open = |id: &&ServerId| {
                !self.ledger.outcomes.contains_key(id)
                    && !self.ledger.soft_outcomes.contains_key(id)
                    && !self.is_unverified(id)
                    && !self.is_contradictory(id)
            };
            let open = request.servers.iter().filter(open);
            restarting.extend(open.map(|id| (index, *id)));
        }
        restarting
    }

    /// Applies a list of these servers that began at this time of the service.
    pub(crate) fn read_hangs(
        &mut self,
        read: &[(usize, ServerId)],
        listed: Result<&ServerList, &Problem>,
        at: Duration,
    ) {
        for (index, id) in read {
            let reading = match listed {
                Ok(listed) => hang_reading(listed.get(id)),
                Err(_) => HangReading::Failed,
            };
            let Some(escalations) = &mut self.escalations else {
                return;
            };
            let history = escalations.hangs.entry(*id).or_default();
            history.add(at, reading);
            let history = history.clone();
            self.decide_hang(*index, *id, &history);
        }
    }

    fn decide_hang(&mut self, index: usize, id: ServerId, history: &HangHistory) {
        let Some(limit) = self.escalations.as_ref().and_then(|all| all.hang) else {
            return;
        };
        // The job may have ended while the list was underway.
        let Some(job_id) = self.job(index).cloned() else {
            return;
        };
        let request = self.requests.get(index);
        let shown_running = request.is_some_and(|request| request.shown_running);
        // Each of these may have become true while the list was underway.
        let already =
            !self.may_restart_again(&id) || self.is_unverified(&id) || self.is_contradictory(&id);
        if escalate_hang(shown_running, history, limit, already) != Escalation::Hard {
            return;
        }
        let minutes = history.hangs_for().unwrap_or_default().as_secs() / 60;
        let error = Problem::new(format!(
            "it hangs in its soft restart: {} reads in {minutes} minutes showed status REBOOT, task {}, no change since {}, and its job still runs",
            history.reads(),
            history.task().unwrap_or_default(),
            history.updated().unwrap_or_default(),
        ));
        let job_id = Some(job_id);
        self.restart_hard(id, Outcome::Failed { job_id, error });
    }

    /// Returns `true` if each server of a job has an outcome or is restarted hard because it hangs:
    /// then its end is not waited for.
    pub(super) fn is_left_hanging(&self, index: usize) -> bool {
        let (Some(request), Some(job)) = (self.requests.get(index), self.job(index)) else {
            return false;
        };
        // The hard restart of such a server has a job of its own, which is waited for.
        let hangs = |id: &ServerId| {
            let soft_outcome = self.ledger.soft_outcomes.get(id);
            soft_outcome.and_then(Outcome::job_id) == Some(job)
        };
        self.watches_hangs()
            && request.servers.iter().any(hangs)
            && request
                .servers
                .iter()
                .all(|id| hangs(id) || self.ledger.outcomes.contains_key(id))
    }
}

#[cfg(test)]
mod tests;
