//! The jobs of a run.

use ecs_model::JobId;

use super::{RequestState, RunRequest, RunState};
use crate::event::Event;
use crate::journal::{Acceptance, KnownJob};
use crate::report::JobReport;
use crate::ticket::JobTicket;

impl RunState {
    /// The jobs of accepted requests, in the order of their acceptance.
    pub(crate) fn accepted_jobs(&self) -> &[KnownJob] {
        &self.ledger.jobs
    }

    /// The service accepted a request.
    pub(crate) fn accepted(&mut self, acceptance: Acceptance) -> Option<Event> {
        self.queue
            .answered(acceptance.request.checked_sub(1)?, true);
        let job = self.add_job(acceptance, false)?;
        Some(Event::Accepted {
            request: job.request,
            servers: job.servers,
            job_id: job.job_id.clone(),
            ticket: None,
        })
    }

    /// The ticket of the job of a request, counted from 1.
    pub(crate) fn ticket(&self, request: usize) -> Option<JobTicket> {
        let index = request.checked_sub(1)?;
        let job = self.polled_job(index)?;
        let servers = self.servers(index).to_vec();
        Some(job.ticket(self.origin.clone(), self.action_of(index), servers))
    }

    /// A request has a job from now on.
    pub(super) fn add_job(&mut self, acceptance: Acceptance, is_found: bool) -> Option<&KnownJob> {
        let index = acceptance.request.checked_sub(1)?;
        let servers = self.requests.get(index)?.servers.len();
        let job = self.ledger.accept(acceptance, servers, is_found);
        self.replace(index, RequestState::Accepted(job));
        self.ledger.jobs.last()
    }

    /// The job of an accepted request that is still polled.
    pub(crate) fn job(&self, index: usize) -> Option<&JobId> {
        Some(&self.polled_job(index)?.job_id)
    }

    pub(crate) fn polled_job(&self, index: usize) -> Option<&KnownJob> {
        match self.requests.get(index)?.state {
            RequestState::Accepted(job) => self.ledger.jobs.get(job),
            _ => None,
        }
    }

    pub(super) fn watching(&mut self, index: usize) -> Option<(&mut RunRequest, &mut KnownJob)> {
        let request = self.requests.get_mut(index)?;
        let RequestState::Accepted(job) = request.state else {
            return None;
        };
        Some((request, self.ledger.jobs.get_mut(job)?))
    }

    /// The jobs as a report has them. Their tickets take the servers of the requests.
    pub(super) fn job_reports(&mut self) -> Vec<JobReport> {
        let jobs = std::mem::take(&mut self.ledger.jobs);
        let report = |job: KnownJob| {
            let action = self.action_of(job.index());
            let request = self.requests.get_mut(job.index());
            let servers = request.map(|request| std::mem::take(&mut request.servers));
            let ticket = job.ticket(self.origin.clone(), action, servers.unwrap_or_default());
            job.report(ticket)
        };
        jobs.into_iter().map(report).collect()
    }
}
