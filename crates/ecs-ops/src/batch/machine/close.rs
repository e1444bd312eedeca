//! Closing the books.

use ecs_model::ServerId;

use super::waves::{Waves, not_sent};
use super::{Fate, Machine, NEVER_SENT, State};
use crate::report::{Outcome, Problem, Report, Stopped};

impl Machine {
    /// Closes the books: every server gets an outcome. `fate(batch)` says what is known of a batch that was being
    /// submitted; `stopped` is why the run ends now, if something was still to be done; without `waiting`, jobs may go on.
    pub(crate) fn close(
        mut self,
        stopped: Option<Stopped>,
        waiting: bool,
        fate: impl Fn(usize) -> Fate,
    ) -> Report {
        let rolling = self.waves.as_ref().and_then(Waves::stop_reason);
        let never = || Problem::new(NEVER_SENT);
        // More may have failed since it stopped.
        let halted = rolling
            .as_ref()
            .map(not_sent)
            .filter(|_| self.rolling_stops);
        let never = halted.or(self.halted.clone()).unwrap_or_else(never);
        let mut cut_short = self.stop_settling() | self.denied.is_some();
        cut_short |= self.unrecorded.is_some();
        // Whatever became of the servers: what was to come after them did not.
        cut_short |= self.waves.as_ref().is_some_and(Waves::is_cut_short);
        let goes_on = self.halted.is_none() || self.rolling_stops;
        for index in 0..self.batches.len() {
            let Some(batch) = self.batches.get(index) else {
                continue;
            };
            let (outcome, is_cut_short) = match &batch.state {
                State::Submitting => match fate(index) {
                    Fate::NotExecuted(error) => (Outcome::NotAttempted { error }, true),
                    Fate::Unknown(error) => {
                        let job_id = None;
                        (Outcome::Unknown { job_id, error }, true)
                    }
                },
                State::Withdrawn(error) => {
                    let error = error.clone().unwrap_or_else(|| never.clone());
                    (Outcome::NotAttempted { error }, goes_on)
                }
                State::Watching(job) => {
                    let Some(job) = self.jobs.get(*job) else {
                        continue;
                    };
                    let job_id = job.job_id.clone();
                    (Outcome::Running { job_id }, waiting)
                }
                State::Doubtful(doubt) => {
                    cut_short = true;
                    let outcome = |id: &ServerId| (*id, doubt.outcome(id));
                    let outcomes: Vec<_> = batch.servers.iter().map(outcome).collect();
                    for (id, outcome) in outcomes {
                        self.end_one(id, outcome);
                    }
                    continue;
                }
                State::Ended => continue,
            };
            cut_short |= is_cut_short;
            self.end_all(index, &outcome);
        }
        let left = self.unsent();
        cut_short |= !left.is_empty() && goes_on;
        for id in left {
            let error = never.clone();
            self.end_one(id, Outcome::NotAttempted { error });
        }
        cut_short |= self.stop_escalating() && goes_on;
        let (denied, unrecorded) = (self.denied.take(), self.unrecorded.take());
        let stopped = denied
            .map(Stopped::Denied)
            .or(unrecorded.map(Stopped::Unrecorded))
            .or(stopped)
            .or(rolling.map(Stopped::Rolling))
            .or_else(|| self.stalled.then_some(Stopped::Stalled))
            .filter(|_| cut_short);
        let mut outcomes = std::mem::take(&mut self.outcomes);
        let report = |id: &ServerId| {
            let outcome = outcomes.remove(id).unwrap_or_else(|| Outcome::Unknown {
                job_id: None,
                error: Problem::new("the run lost track of this server: please report this"),
            });
            self.report_of(*id, outcome)
        };
        let servers = self.servers.iter().map(report).collect();
        Report {
            run_id: self.run_id,
            action: self.action,
            servers,
            jobs: self.jobs,
            stopped,
            refused: self.refused,
            target: None,
            left_out: Vec::new(),
        }
    }
}
