//! Closing the books.

use ecs_model::ServerId;

use super::{Fate, Machine, NEVER_SENT, State};
use crate::report::{Outcome, Problem, Report, ServerReport, Stopped};

impl Machine {
    /// Closes the books: every server gets an outcome. `fate(batch)` says what is known of a batch that was being
    /// submitted; `stopped` is why the run ends now, if something was still to be done; without `waiting`, jobs may go on.
    pub(crate) fn close(
        mut self,
        stopped: Option<Stopped>,
        waiting: bool,
        fate: impl Fn(usize) -> Fate,
    ) -> Report {
        let never = || Problem::new(NEVER_SENT);
        let never = self.halted.clone().unwrap_or_else(never);
        let mut cut_short = self.stop_settling() | self.denied.is_some();
        cut_short |= self.unrecorded.is_some();
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
                    (Outcome::NotAttempted { error }, self.halted.is_none())
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
        let left: Vec<_> = self.queue.left().collect();
        cut_short |= !left.is_empty() && self.halted.is_none();
        for id in left {
            let error = never.clone();
            self.end_one(id, Outcome::NotAttempted { error });
        }
        let stopped = self
            .denied
            .map(Stopped::Denied)
            .or(self.unrecorded.map(Stopped::Unrecorded))
            .or(stopped)
            .or_else(|| self.stalled.then_some(Stopped::Stalled))
            .filter(|_| cut_short);
        let mut outcomes = self.outcomes;
        let report = |id| ServerReport {
            id,
            outcome: outcomes.remove(&id).unwrap_or_else(|| Outcome::Unknown {
                job_id: None,
                error: Problem::new("the run lost track of this server: please report this"),
            }),
        };
        Report {
            run_id: self.run_id,
            action: self.action,
            servers: self.servers.into_iter().map(report).collect(),
            jobs: self.jobs,
            stopped,
            refused: self.refused,
        }
    }
}
