//! The part of the books about jobs that are looked at.

use ecs_client::Problem;
use ecs_model::Job;

use super::{Machine, State};
use crate::event::Event;
use crate::jobs::{undocumented, untold, verdicts};
use crate::report::Outcome;

impl Machine {
    /// A job was looked at; `over`: for the last time.
    pub(crate) fn looked(&mut self, index: usize, job: &Job, over: bool) -> Vec<Event> {
        /// How often a job is looked at that has told everything and does not end.
        const OVERDUE: u32 = 3;
        let Some((batch, report)) = self.watching(index) else {
            return Vec::new();
        };
        report.status.clone_from(&job.status);
        let job_id = report.job_id.clone();
        let servers = batch.servers.clone();
        let mut verdicts = verdicts(&job_id, &servers, job, over);
        let mut events = Vec::new();
        if let Some(status) = undocumented(job, &mut batch.odd) {
            let job_id = job_id.clone();
            events.push(Event::UndocumentedStatus { job_id, status });
        }
        if let Some(status) = job.status.clone() {
            events.push(Event::JobProgress {
                job_id: job_id.clone(),
                status,
                done: verdicts.told.len(),
                servers: servers.len(),
            });
        }
        if let Some(servers) = verdicts.strangers(&mut batch.warned) {
            let job_id = job_id.clone();
            events.push(Event::UnrequestedServers { job_id, servers });
        }
        if !over && verdicts.told.len() == servers.len() {
            batch.overdue += 1;
        }
        let last = over || batch.overdue == OVERDUE;
        if last {
            batch.state = State::Ended;
        }
        for (id, outcome) in verdicts.told {
            // What has a part that goes on has not ended, and is not followed by a hard restart.
            if verdicts.going_on.contains(&id) && self.may_be_hard(&id) {
                if !last {
                    continue;
                }
                self.spare(id);
            }
            events.extend(self.end_one(id, outcome));
        }
        if over {
            let rest = untold(&job_id, verdicts.doubt);
            events.extend(self.end_all(index, &rest));
        }
        events
    }

    /// A job makes no progress, and is not waited for any longer.
    pub(crate) fn stalled(&mut self, index: usize) -> Option<Event> {
        self.stalled = true;
        let (_, report) = self.watching(index)?;
        let (job_id, status) = (report.job_id.clone(), report.status.clone());
        Some(Event::JobStalled { job_id, status })
    }

    /// A job will not tell how it ended.
    pub(crate) fn lost(&mut self, index: usize, error: Problem) -> Vec<Event> {
        let Some((batch, report)) = self.watching(index) else {
            return Vec::new();
        };
        batch.state = State::Ended;
        let job_id = Some(report.job_id.clone());
        self.end_all(index, &Outcome::Unknown { job_id, error })
    }

    /// We may not look at jobs any more. Says whether that is news.
    pub(crate) fn denied(&mut self, why: Problem) -> bool {
        let news = self.denied.is_none();
        self.halt(
            why.clone()
                .because("not sent, since jobs cannot be looked at"),
        );
        self.denied.get_or_insert(why);
        news
    }
}
