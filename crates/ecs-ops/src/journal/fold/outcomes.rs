//! Applies the outcomes of servers, if what was done with each server allows them.

use ecs_client::Problem;
use ecs_model::{JobId, RebootType, ServerId};
use jiff::Timestamp;

use super::FoldResult;
use crate::action::PowerAction;
use crate::journal::ledger::is_final;
use crate::journal::outcome::{ErrorRecord, OutcomeKind, OutcomeRecord};
use crate::journal::progress::RequestProgress;
use crate::journal::record::Purpose;
use crate::journal::recovered::Recovered;
use crate::report::{Evidence, Outcome};
use crate::rolling::WaveEvent;

impl Recovered {
    pub(super) fn fold_outcomes(&mut self, at: Timestamp, servers: &[OutcomeRecord]) -> FoldResult {
        let will_not_tell = |record: &OutcomeRecord| {
            record.outcome == OutcomeKind::Unknown && record.job_id.is_some()
        };
        if servers.iter().any(will_not_tell) {
            self.lost_answer_at = Some(at);
        }
        outcomes(servers).try_for_each(|(id, outcome)| self.record_outcome(at, id, outcome))
    }

    pub(super) fn fold_escalating(&mut self, servers: &[OutcomeRecord]) -> FoldResult {
        outcomes(servers).try_for_each(|(id, outcome)| self.escalate(id, outcome))
    }

    fn record_outcome(&mut self, at: Timestamp, id: ServerId, outcome: Outcome) -> FoldResult {
        self.fits(id, &outcome)?;
        let not_attempted = matches!(outcome, Outcome::NotAttempted { .. });
        if not_attempted && self.ledger.left_out.contains_key(&id) {
            // It is not sent again.
            return Ok(());
        }
        let known = self.ledger.outcomes.get(&id);
        if known.is_some_and(|known| is_final(known) && *known != outcome) {
            return Err(format!("server {id} has two outcomes"));
        }
        if not_attempted {
            // It may be sent again, when the run resumes: the waves do not count it.
            if let Some(server) = self.servers.get_mut(&id) {
                (server.request, server.unknown_request) = (None, None);
            }
        } else {
            let succeeded = matches!(outcome, Outcome::Succeeded { .. });
            let server = id;
            self.advance_waves(at, WaveEvent::Ended { server, succeeded });
        }
        self.ledger.outcomes.insert(id, outcome);
        Ok(())
    }

    /// Checks that an outcome is consistent with the requests of its server.
    fn fits(&self, id: ServerId, outcome: &Outcome) -> FoldResult {
        let server = self.servers.get(&id);
        let server = server.ok_or(format!("server {id} is not in the run"))?;
        let last = self.last_request(server);
        let state = last.map(|last| last.state);
        let job = match state {
            Some(RequestProgress::Accepted(job)) => self.ledger.jobs.get(job),
            _ => None,
        };
        let job = job.map(|job| &job.job_id);
        let soft_outcome = self.ledger.soft_outcomes.get(&id);
        let is_unknown =
            state.is_some_and(RequestProgress::is_unknown) || server.unknown_request.is_some();
        let fits = match outcome {
            // Refused, or its answer lost, and in the wanted state.
            Outcome::Succeeded {
                job_id: None,
                evidence: Evidence::WantedState,
            } => job.is_none(),
            Outcome::Succeeded { job_id: None, .. } | Outcome::Unknown { job_id: None, .. } => {
                job.is_none() && is_unknown
            }
            Outcome::Failed { job_id: None, .. } => job.is_none() && !is_unknown,
            Outcome::Succeeded { job_id: of, .. }
            | Outcome::Failed { job_id: of, .. }
            | Outcome::Unknown { job_id: of, .. } => {
                // Or the hard restart was not executed, so the outcome of the soft one stands.
                let not_hard = matches!(state, None | Some(RequestProgress::NotExecuted));
                job == of.as_ref() || not_hard && soft_outcome == Some(outcome)
            }
            // The hard restart was not executed: the outcome of the soft one stands.
            Outcome::NotAttempted { .. } if soft_outcome.is_some() => {
                let hard = last.is_some_and(|last| last.purpose == Purpose::Escalate);
                self.concluded(&id).is_none() && !(hard && job.is_some())
            }
            Outcome::NotAttempted { .. } => job.is_none(),
            // No record says that.
            Outcome::Running { .. } => false,
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "server {id} is {}, and what was done with it does not allow that",
            outcome.name()
        ))
    }

    fn escalate(&mut self, id: ServerId, outcome: Outcome) -> FoldResult {
        let soft = self.run.action == PowerAction::Reboot(RebootType::Soft);
        let ended = matches!(outcome, Outcome::Failed { .. }) || self.is_finished(outcome.job_id());
        let fits = self.fits(id, &outcome).is_ok() && outcome.job_id().is_some();
        // Exactly one restart, which has ended, and no lost answer.
        let server = self.servers.get(&id);
        let once = server.is_some_and(|server| server.unknown_request.is_none())
            && self.concluded(&id).is_none()
            && !self.ledger.soft_outcomes.contains_key(&id);
        if soft && ended && fits && once {
            self.ledger.soft_outcomes.insert(id, outcome);
            return Ok(());
        }
        Err(format!(
            "server {id} is escalated, but its soft restart did not fail"
        ))
    }

    fn is_finished(&self, job_id: Option<&JobId>) -> bool {
        let mut jobs = self.ledger.jobs.iter();
        job_id.is_some_and(|id| jobs.any(|job| job.finished && job.job_id == *id))
    }
}

/// The outcomes of a record. Those that share an error share its text.
fn outcomes(records: &[OutcomeRecord]) -> impl Iterator<Item = (ServerId, Outcome)> {
    let mut last: Option<(&ErrorRecord, Problem)> = None;
    records.iter().map(move |record| {
        let problem = record.error.as_ref().map(|error| match &last {
            Some((same, problem)) if *same == error => problem.clone(),
            _ => last.insert((error, Problem::from(error))).1.clone(),
        });
        (record.id, record.outcome_with(problem))
    })
}
