//! Jobs of a run: the same for a live run and for one by its journal.

use std::sync::Arc;

use ecs_model::{JobId, JobStatus, ServerId};
use jiff::Timestamp;

use super::record::Record;
use crate::JobTicket;
use crate::action::PowerAction;
use crate::report::JobReport;
use crate::ticket::JobOrigin;

/// A job of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownJob {
    /// The job.
    pub job_id: JobId,
    /// The request.
    pub request: usize,
    /// The number of its servers.
    pub servers: usize,
    /// The service's id of the exchange.
    pub request_id: Option<String>,
    /// The time of acceptance.
    pub accepted: Timestamp,
    /// `true` if it is no longer polled.
    pub finished: bool,
    /// The final status by the journal, the last known one in a live run; `None` if it is not known.
    pub status: Option<JobStatus>,
    /// `true` if it was found after the answer to its request was lost: a hard restart never rests
    /// on such a one.
    pub(crate) is_found: bool,
}

impl KnownJob {
    /// The job of an accepted request with this many servers.
    pub(crate) fn new(acceptance: Acceptance, servers: usize, is_found: bool) -> Self {
        Self {
            job_id: acceptance.job_id,
            request: acceptance.request,
            servers,
            request_id: acceptance.request_id,
            accepted: acceptance.at,
            finished: false,
            status: None,
            is_found,
        }
    }

    /// The index of its request: requests are counted from 1.
    pub(crate) fn index(&self) -> usize {
        self.request.saturating_sub(1)
    }

    /// The ticket of the job of an action on these servers.
    pub(crate) fn ticket(
        &self,
        origin: Option<Arc<JobOrigin>>,
        action: PowerAction,
        servers: Vec<ServerId>,
    ) -> JobTicket {
        let (job_id, request_id) = (self.job_id.clone(), self.request_id.clone());
        JobTicket::new(job_id, origin, action, servers, self.accepted, request_id)
    }

    /// The job as a report has it.
    pub(crate) fn report(self, ticket: JobTicket) -> JobReport {
        JobReport {
            job_id: self.job_id,
            status: self.status,
            servers: self.servers,
            request_id: self.request_id,
            ticket,
        }
    }
}

/// The acceptance of a request.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    /// The request, counted from 1.
    pub(crate) request: usize,
    pub(crate) at: Timestamp,
    pub(crate) job_id: JobId,
    pub(crate) request_id: Option<String>,
}

impl Acceptance {
    /// The acceptance that a record of this time says.
    pub(super) fn of(at: Timestamp, record: &Record) -> Option<Self> {
        match record {
            Record::Accepted {
                request,
                job_id,
                request_id,
            } => Some(Self {
                request: *request,
                at,
                job_id: job_id.clone(),
                request_id: request_id.clone(),
            }),
            _ => None,
        }
    }

    /// Its record.
    pub(crate) fn record(&self) -> Record {
        Record::Accepted {
            request: self.request,
            job_id: self.job_id.clone(),
            request_id: self.request_id.clone(),
        }
    }
}
