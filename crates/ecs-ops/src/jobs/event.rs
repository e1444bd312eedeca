//! What happens while jobs are watched, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId};

use super::outcomes::{contradicts_itself, has_failed_parts};
use crate::report::ServerReport;

/// One thing that happened while jobs were watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEvent {
    /// A job was seen.
    Polled {
        /// Which one.
        job_id: JobId,
        /// As the service described it.
        job: Arc<Job>,
    },
    /// A job has a status that the vendor's pages don't know: it is watched on. Said once for each job.
    UndocumentedStatus {
        /// Which one.
        job_id: JobId,
        /// The status.
        status: JobStatus,
    },
    /// A job tells of servers that nobody asked it for: they are not counted. Said once for each job.
    UnrequestedServers {
        /// Which one.
        job_id: JobId,
        /// The servers.
        servers: Vec<ServerId>,
    },
    /// The service does not know a job, which may be too new.
    NotFoundYet {
        /// Which one.
        job_id: JobId,
    },
    /// A look at a job showed nothing; it is looked at again later.
    QueryFailed {
        /// Which one.
        job_id: JobId,
        /// Why.
        error: Problem,
        /// When it is looked at again.
        retry_after: Duration,
    },
    /// The watching of a job has ended.
    Ended(WatchedJob),
}

/// How the watching of a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchedJob {
    /// The job.
    pub job_id: JobId,
    /// How the watching ended.
    pub end: JobEnd,
    /// What became of the servers that its ticket names, in that order.
    pub servers: Vec<ServerReport>,
}

/// How the watching of a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// The job ended: SUCCESS or FAIL.
    Ended(Arc<Job>),
    /// The deadline came first; the status that was seen last.
    Deadline(Option<JobStatus>),
    /// The watching was cancelled; the status that was seen last. The job goes on.
    Cancelled(Option<JobStatus>),
    /// It made no progress for as long as it may; the status that was seen last.
    Stalled(Option<JobStatus>),
    /// The service does not know the job, or will not show it.
    Lost(Problem),
    /// We may not look.
    Denied(Problem),
}

impl JobEnd {
    /// Whether the job succeeded with all of its parts. Nothing, if that is not known: it has not ended, or its parts say
    /// otherwise than it does itself.
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
