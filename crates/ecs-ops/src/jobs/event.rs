//! Events of watched jobs.

use std::sync::Arc;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId};

use super::outcomes::{contradicts_itself, has_failed_parts};
use crate::report::ServerReport;

/// Something that happened while jobs were watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEvent {
    /// A poll succeeded.
    Polled {
        /// The job.
        job_id: JobId,
        /// The service's description of it.
        job: Arc<Job>,
    },
    /// A job has an undocumented status. It is still polled. Sent once for each job.
    UndocumentedStatus {
        /// The job.
        job_id: JobId,
        /// The status.
        status: JobStatus,
    },
    /// A job reports servers that were not in its request. They are ignored. Sent once for each
    /// job.
    UnrequestedServers {
        /// The job.
        job_id: JobId,
        /// The servers.
        servers: Vec<ServerId>,
    },
    /// The service does not know the job yet; it may be too new.
    NotFoundYet {
        /// The job.
        job_id: JobId,
    },
    /// A poll failed and is repeated later.
    QueryFailed {
        /// The job.
        job_id: JobId,
        /// Why.
        error: Problem,
        /// Time until the next poll.
        retry_after: Duration,
    },
    /// A job is no longer watched.
    Ended(WatchedJob),
}

/// The result of watching a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchedJob {
    /// The job.
    pub job_id: JobId,
    /// Why it is no longer watched.
    pub end: JobEnd,
    /// The outcomes of the servers of the ticket, in their order.
    pub servers: Vec<ServerReport>,
}

/// The result of watching a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// The job ended, with SUCCESS or FAIL.
    Ended(Arc<Job>),
    /// The deadline passed; the last known status.
    Deadline(Option<JobStatus>),
    /// The watch was cancelled; the last known status. The job continues.
    Cancelled(Option<JobStatus>),
    /// The job made no progress for longer than the limit; the last known status.
    Stalled(Option<JobStatus>),
    /// The service does not know the job, or does not show it.
    Lost(Problem),
    /// The service refused the query.
    Denied(Problem),
}

impl JobEnd {
    /// Whether the job and all of its sub-jobs succeeded. `None` if that is not known: the job has
    /// not ended, or contradicts itself.
    ///
    /// ```
    /// use ecs_ops::JobEnd;
    ///
    /// assert_eq!(JobEnd::Deadline(None).succeeded(), None);
    /// ```
    pub fn succeeded(&self) -> Option<bool> {
        let Self::Ended(job) = self else {
            return None;
        };
        match job.status {
            Some(JobStatus::Fail) => Some(false),
            _ if has_failed_parts(job) => Some(false),
            _ if contradicts_itself(job) => None,
            _ => Some(true),
        }
    }
}
