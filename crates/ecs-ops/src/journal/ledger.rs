//! The outcomes of the servers and jobs of a run.

use std::collections::BTreeMap;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use rustc_hash::FxHashMap;

use super::job::{Acceptance, KnownJob};
use super::outcome_map::OutcomeMap;
use crate::fleet::UnreadyServer;
use crate::report::{Outcome, ServerReport};

/// The outcomes of the servers and jobs of a run so far: the part of its state that a live run and
/// [`Recovered`](super::Recovered) share, and that a resumed run takes from its journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The jobs, in the order of acceptance.
    pub(crate) jobs: Vec<KnownJob>,
    /// The last outcome of each server that has one, also if it is not final.
    pub(crate) outcomes: OutcomeMap,
    /// The outcomes of soft restarts that a hard one was to follow.
    pub(crate) soft_outcomes: FxHashMap<ServerId, Outcome>,
    /// Servers that are skipped permanently, because they were not ready when their wave was to begin.
    pub(crate) left_out: BTreeMap<ServerId, UnreadyServer>,
}

impl Ledger {
    /// A request with this many servers was accepted; `is_found`: after its answer was lost. Returns
    /// the index of its job.
    pub(crate) fn accept(
        &mut self,
        acceptance: Acceptance,
        servers: usize,
        is_found: bool,
    ) -> usize {
        self.jobs.push(KnownJob::new(acceptance, servers, is_found));
        self.jobs.len() - 1
    }

    /// A job is no longer polled. Returns whether it is one of the run.
    pub(super) fn finish(&mut self, job_id: &JobId, status: Option<&JobStatus>) -> bool {
        let mut found = false;
        for job in self.jobs.iter_mut().filter(|job| job.job_id == *job_id) {
            (job.finished, found) = (true, true);
            job.status = status.cloned();
        }
        found
    }

    /// Returns the ledger that another process begins with: servers without a final outcome are open again.
    pub(crate) fn resumed(mut self) -> Self {
        let left_out = &self.left_out;
        self.outcomes
            .retain(|id, outcome| is_final(outcome) || left_out.contains_key(id));
        self
    }

    /// The outcome of a server about which nothing is left to do.
    pub(super) fn final_outcome(&self, id: &ServerId) -> Option<&Outcome> {
        let outcome = self.outcomes.get(id)?;
        (is_final(outcome) || self.left_out.contains_key(id)).then_some(outcome)
    }

    /// A server is skipped permanently before this wave, counted from 0.
    pub(super) fn leave_out(&mut self, wave: usize, unready: UnreadyServer) {
        let report = unready.report_of_wave(wave);
        self.outcomes.insert(unready.id, report.outcome);
        self.left_out.insert(unready.id, unready);
    }

    /// The report of a server with this outcome.
    pub(crate) fn report_of(&self, id: ServerId, outcome: Outcome) -> ServerReport {
        let soft_outcome = self.soft_outcomes.get(&id);
        let soft_outcome = soft_outcome.filter(|soft_outcome| **soft_outcome != outcome);
        let message = || Problem::new("the server did not come back");
        let error = |soft_outcome: &Outcome| soft_outcome.error().cloned().unwrap_or_else(message);
        ServerReport {
            escalated: soft_outcome.map(error),
            ..ServerReport::new(id, outcome)
        }
    }
}

/// Returns `true` if nothing is left to do about a server with this outcome, for another process either.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeded { .. } | Outcome::Failed { .. } => true,
        // With a job it is final; a lost answer may still be reconciled.
        Outcome::Unknown { job_id, .. } => job_id.is_some(),
        Outcome::NotAttempted { .. } | Outcome::Running { .. } => false,
    }
}

#[cfg(test)]
mod tests;
