//! What happens while jobs are watched, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::outcomes::{contradicts_itself, has_failed_parts};
use crate::event::milliseconds;
use crate::report::ServerReport;

/// One thing that happened while jobs were watched.
///
/// ```
/// use ecs_ops::JobEvent;
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
    /// A job was seen.
    Polled {
        /// Which one.
        job_id: JobId,
        /// As the service described it.
        #[serde(with = "shared")]
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
        /// After how long it is looked at again; as JSON in milliseconds.
        #[serde(rename = "retry_after_ms", with = "milliseconds")]
        retry_after: Duration,
    },
    /// The watching of a job has ended.
    Ended(WatchedJob),
}

/// How the watching of a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WatchedJob {
    /// The job.
    pub job_id: JobId,
    /// How the watching ended.
    pub end: JobEnd,
    /// What became of the servers that its ticket names, in that order.
    pub servers: Vec<ServerReport>,
}

/// How the watching of a job ended. As JSON, `how` names it: `{"how":"deadline","status":"RUNNING"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "JobEndWire", from = "JobEndWire")]
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

/// As it is written down.
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

#[cfg(test)]
mod tests;
