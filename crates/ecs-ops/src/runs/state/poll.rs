//! Polls of the jobs of a run.

use ecs_client::Problem;
use ecs_model::{Job, JobStatus};

use super::{RequestState, RunRequest, RunState};
use crate::event::Event;
use crate::jobs::{job_outcomes, undocumented, unreported};
use crate::report::Outcome;

impl RunState {
    /// Applies a poll; `over`: the last one.
    pub(crate) fn polled(&mut self, index: usize, job: &Job, over: bool) -> Vec<Event> {
        /// The number of polls after which a job that reported all servers counts as finished.
        const OVERDUE: u32 = 3;
        self.sees_jobs = true;
        let Some((request, report)) = self.watching(index) else {
            return Vec::new();
        };
        report.status.clone_from(&job.status);
        request.shown_running = !over && job.status == Some(JobStatus::Running);
        let job_id = report.job_id.clone();
        let servers = request.servers.clone();
        let mut job_outcomes = job_outcomes(&job_id, &servers, job, over);
        let mut events = Vec::new();
        if let Some(status) = undocumented(job, &mut request.undocumented_reported) {
            let job_id = job_id.clone();
            events.push(Event::UndocumentedStatus { job_id, status });
        }
        if let Some(status) = job.status.clone() {
            events.push(Event::JobProgress {
                job_id: job_id.clone(),
                status,
                done: job_outcomes.reported.len(),
                servers: servers.len(),
            });
        }
        if let Some(servers) = job_outcomes.unrequested(&mut request.unrequested_reported) {
            let job_id = job_id.clone();
            events.push(Event::UnrequestedServers { job_id, servers });
        }
        if !over && job_outcomes.reported.len() == servers.len() {
            request.overdue += 1;
        }
        let last = over || request.overdue == OVERDUE;
        if last {
            request.state = RequestState::Ended;
            report.finished = true;
            self.finished_jobs
                .push((job_id.clone(), job.status.clone()));
        }
        for (id, outcome) in job_outcomes.reported {
            if job_outcomes.still_running.contains(&id) {
                self.mark_contradictory(id);
            }
            // A server with a running sub-job has not ended, and is not restarted hard.
            if job_outcomes.still_running.contains(&id) && self.may_escalate(&id) {
                if !last {
                    continue;
                }
                self.exclude_from_escalation(id);
            }
            events.extend(self.end_server(id, outcome));
        }
        if !last && self.is_left_hanging(index) {
            self.ending(index);
        }
        if over {
            let rest = unreported(&job_id, job_outcomes.contradiction);
            events.extend(self.end_request(index, &rest));
        }
        events
    }

    /// A sign of life.
    pub(crate) fn waiting(&self) -> Event {
        let accepted = |request: &&RunRequest| matches!(request.state, RequestState::Accepted(_));
        Event::Waiting {
            done: self.ledger.outcomes.len(),
            servers: self.servers.len(),
            jobs: self.requests.iter().filter(accepted).count(),
        }
    }

    /// A job stalled and is no longer polled.
    pub(crate) fn stalled(&mut self, index: usize) -> Option<Event> {
        self.stalled = true;
        let (_, report) = self.watching(index)?;
        let (job_id, status) = (report.job_id.clone(), report.status.clone());
        Some(Event::JobStalled { job_id, status })
    }

    /// The end of a job cannot be found out.
    pub(crate) fn lost(&mut self, index: usize, error: Problem) -> Vec<Event> {
        let Some((request, report)) = self.watching(index) else {
            return Vec::new();
        };
        request.state = RequestState::Ended;
        report.finished = true;
        let job_id = Some(report.job_id.clone());
        self.finished_jobs.extend(job_id.clone().zip(Some(None)));
        self.end_request(index, &Outcome::Unknown { job_id, error })
    }

    /// The service does not show a job. `None`: it showed none since it last hid one, so queries
    /// are refused as a whole.
    pub(crate) fn hidden(&mut self, index: usize, error: &Problem) -> Option<Event> {
        if !std::mem::replace(&mut self.sees_jobs, false) {
            return None;
        }
        let job_id = self.job(index)?.clone();
        let error = self.hidden.get_or_insert_with(|| error.clone()).clone();
        Some(Event::JobHidden { job_id, error })
    }

    /// Notes that queries are refused. Returns whether that is new.
    pub(crate) fn denied(&mut self, reason: Problem) -> bool {
        let news = self.denied.is_none();
        self.halt(
            reason
                .clone()
                .because("not sent because jobs cannot be queried"),
        );
        self.denied.get_or_insert(reason);
        news
    }
}
