//! Events of watched jobs.

use std::sync::Arc;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::outcomes::{contradicts_itself, has_failed_parts};
use crate::milliseconds;
use crate::report::ServerReport;

/// Something that happened while jobs were watched.
///
/// ```
/// use ecs_ops::jobs::JobEvent;
///
/// let json = r#"{"event":"not_found_yet","job_id":"ff80808288d41e1b018990260955686a"}"#;
/// let event: JobEvent = serde_json::from_str(json)?;
/// assert_eq!(serde_json::to_string(&event)?, json);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobEvent {
    /// A poll succeeded.
    Polled {
        /// The job.
        job_id: JobId,
        /// The service's description of it.
        #[serde(with = "shared")]
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
        /// The reason.
        error: Problem,
        /// The time until the next poll; in JSON as milliseconds.
        #[serde(rename = "retry_after_ms", with = "milliseconds")]
        retry_after: Duration,
    },
    /// A sign of life: the jobs have not ended. Sent every two minutes.
    Waiting {
        /// Jobs that have not ended.
        jobs: usize,
    },
    /// A job is no longer watched.
    Ended(WatchedJob),
}

/// The result of watching a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WatchedJob {
    /// The job.
    pub job_id: JobId,
    /// The reason why it is no longer watched.
    pub end: JobEnd,
    /// The outcomes of the servers of the ticket, in their order.
    pub servers: Vec<ServerReport>,
}

/// The result of watching a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "JobEndWire", from = "JobEndWire")]
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

/// The serialized form.
#[derive(Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
enum JobEndWire {
    Ended {
        #[serde(with = "shared")]
        job: Arc<Job>,
    },
    Deadline {
        status: Option<JobStatus>,
    },
    Cancelled {
        status: Option<JobStatus>,
    },
    Stalled {
        status: Option<JobStatus>,
    },
    Lost {
        error: Problem,
    },
    Denied {
        error: Problem,
    },
}

impl From<JobEnd> for JobEndWire {
    fn from(end: JobEnd) -> Self {
        match end {
            JobEnd::Ended(job) => Self::Ended { job },
            JobEnd::Deadline(status) => Self::Deadline { status },
            JobEnd::Cancelled(status) => Self::Cancelled { status },
            JobEnd::Stalled(status) => Self::Stalled { status },
            JobEnd::Lost(error) => Self::Lost { error },
            JobEnd::Denied(error) => Self::Denied { error },
        }
    }
}

impl From<JobEndWire> for JobEnd {
    fn from(wire: JobEndWire) -> Self {
        match wire {
            JobEndWire::Ended { job } => Self::Ended(job),
            JobEndWire::Deadline { status } => Self::Deadline(status),
            JobEndWire::Cancelled { status } => Self::Cancelled(status),
            JobEndWire::Stalled { status } => Self::Stalled(status),
            JobEndWire::Lost { error } => Self::Lost(error),
            JobEndWire::Denied { error } => Self::Denied(error),
        }
    }
}

/// Jobs as JSON has them, which knows nothing of sharing.
mod shared {
    use super::*;

    pub(super) fn serialize<S: Serializer>(job: &Arc<Job>, to: S) -> Result<S::Ok, S::Error> {
        job.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Job>, D::Error> {
        Job::deserialize(from).map(Arc::new)
    }
}

impl JobEnd {
    /// Returns `true` if the job and all of its sub-jobs succeeded. `None` if that is not known:
    /// the job has not ended, or contradicts itself.
    ///
    /// ```
    /// use ecs_ops::jobs::JobEnd;
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

#[cfg(test)]
mod tests;
