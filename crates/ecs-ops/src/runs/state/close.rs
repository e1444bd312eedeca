//! Closes a run.

use ecs_client::{NEVER_SENT, Problem, SubmissionOutcome};
use ecs_model::ServerId;

use super::waves::{WaveQueue, not_sent};
use super::{RequestState, RunState};
use crate::report::{Outcome, Report, ServerReport, Stopped};

impl RunState {
    /// Closes the run: every server gets an outcome. `submission(request)` is the outcome of a
    /// request that was being submitted; `stopped` is why the run ends early; without `waiting`,
    /// jobs may still be running.
    pub(crate) fn close(
        mut self,
        stopped: Option<Stopped>,
        waiting: bool,
        submission: impl Fn(usize) -> SubmissionOutcome,
    ) -> Report {
        let rolling = self.waves.as_ref().and_then(WaveQueue::stop_reason);
        let never = || Problem::new(NEVER_SENT);
        // More servers may have failed since the waves stopped.
        let halted = rolling
            .as_ref()
            .map(not_sent)
            .filter(|_| self.rolling_stops);
        let never = halted.or(self.halted.clone()).unwrap_or_else(never);
        self.stop_reading();
        let mut cut_short = self.stop_verifying() | self.denied.is_some();
        cut_short |= self.journal_failed.is_some();
        // The remaining steps of the waves were not taken.
        cut_short |= self.waves.as_ref().is_some_and(WaveQueue::is_cut_short);
        let would_continue = self.halted.is_none() || self.rolling_stops;
        let mut ended = Ended::of(&self);
        for index in 0..self.requests.len() {
            let Some(request) = self.requests.get(index) else {
                continue;
            };
            let (outcome, is_cut_short) = match &request.state {
                RequestState::Submitting => match submission(index) {
                    SubmissionOutcome::NotExecuted(error) => {
                        (Outcome::NotAttempted { error }, true)
                    }
                    SubmissionOutcome::Unknown(error) => {
                        let job_id = None;
                        (Outcome::Unknown { job_id, error }, true)
                    }
                },
                RequestState::Withdrawn(error) => {
                    let error = error.clone().unwrap_or_else(|| never.clone());
                    (Outcome::NotAttempted { error }, would_continue)
                }
                RequestState::Accepted(job) => {
                    let Some(job) = self.ledger.jobs.get(*job) else {
                        continue;
                    };
                    let job_id = job.job_id.clone();
                    (Outcome::Running { job_id }, waiting)
                }
                RequestState::Unknown(reconciliation) => {
                    cut_short = true;
                    let outcome = |id: &ServerId| (*id, reconciliation.outcome(id));
                    let outcomes: Vec<_> = request.servers.iter().map(outcome).collect();
                    for (id, outcome) in outcomes {
                        ended.server(&mut self, id, outcome);
                    }
                    continue;
                }
                RequestState::Ended => continue,
            };
            cut_short |= is_cut_short;
            ended.request(&mut self, index, &outcome);
        }
        let left = self.unsent();
        cut_short |= !left.is_empty() && would_continue;
        for id in left {
            let error = never.clone();
            ended.server(&mut self, id, Outcome::NotAttempted { error });
        }
        cut_short |= self.stop_escalating() && would_continue;
        let (denied, journal_failed) = (self.denied.take(), self.journal_failed.take());
        let stopped = denied
            .map(Stopped::Denied)
            .or(journal_failed.map(Stopped::JournalFailed))
            .or(stopped)
            .or(rolling.map(Stopped::Rolling))
            .or_else(|| self.hidden.take().map(Stopped::Denied))
            .or_else(|| self.stalled.then_some(Stopped::Stalled))
            .filter(|_| cut_short);
        let servers = ended.reports(&mut self);
        let jobs = self.job_reports();
        Report {
            run_id: self.run_id,
            action: self.action,
            servers,
            jobs,
            stopped,
            refused: self.refused,
            target: None,
            skipped: Vec::new(),
            unready: self.ledger.left_out.into_values().collect(),
        }
    }
}

/// The outcomes that closing sets.
///
/// Mostly no server had one before, and they come in the order of the servers: then they are the report as they come, and
/// no map is needed for them.
struct Ended(Option<Vec<ServerReport>>);

impl Ended {
    fn of(state: &RunState) -> Self {
        let is_plain = state.ledger.outcomes.is_empty()
            && state.unverified.is_none()
            && state.waves.is_none()
            && state.escalations.is_none()
            && state.ledger.soft_outcomes.is_empty()
            && state.resubmitted.is_empty();
        Self(is_plain.then(|| Vec::with_capacity(state.servers.len())))
    }

    fn server(&mut self, state: &mut RunState, id: ServerId, outcome: Outcome) {
        match &mut self.0 {
            Some(reports) => reports.push(ServerReport::new(id, outcome)),
            None => {
                state.set_outcome(id, outcome);
            }
        }
    }

    /// Ends a request: each of its servers gets this outcome, unless it has one.
    fn request(&mut self, state: &mut RunState, index: usize, outcome: &Outcome) {
        for id in state.ending(index) {
            self.server(state, id, outcome.clone());
        }
    }

    /// A report of each server, in the given order.
    fn reports(self, state: &mut RunState) -> Vec<ServerReport> {
        let reports = self.0.unwrap_or_default();
        if reports.iter().map(|report| &report.id).eq(&state.servers) {
            return reports;
        }
        for report in reports {
            state.set_outcome(report.id, report.outcome);
        }
        let outcomes = &state.ledger.outcomes;
        let report = |id: &ServerId| {
            let outcome = outcomes.get(id).cloned();
            let outcome = outcome.unwrap_or_else(|| Outcome::Unknown {
                job_id: None,
                error: Problem::new("the run lost track of this server: please report this"),
            });
            state.ledger.report_of(*id, outcome)
        };
        state.servers.iter().map(report).collect()
    }
}
