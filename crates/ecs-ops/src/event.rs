//! Events: what happens during a run.

mod feed;
mod trace;

use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use serde::{Deserialize, Serialize};

use crate::fleet::UnreadyServer;
use crate::journal::{HeldServer, OutcomeKind};
use crate::milliseconds;
use crate::report::{ServerReport, Stopped};
use crate::ticket::JobTicket;

pub use feed::Events;
pub(crate) use feed::{EventSource, Sink};

/// The time between signs of life.
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(120);

/// Something that happened during a run. Requests and waves are counted from 1.
///
/// Serializes to a line of `ecsctl -o jsonl`, and is read back from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The run was planned; nothing is sent yet.
    Planned {
        /// The run's id.
        run_id: String,
        /// The number of servers.
        servers: usize,
        /// The number of requests.
        #[serde(rename = "batches")]
        requests: usize,
    },
    /// The run resumes where its journal ends. A [`ServerDone`](Self::ServerDone) for each known
    /// outcome follows.
    Resumed {
        /// Servers that already have an outcome.
        done: usize,
        /// Servers whose request was accepted and whose job is polled.
        watched: usize,
        /// Servers whose outcome is unknown.
        #[serde(rename = "doubtful")]
        unknown: usize,
        /// Servers that were never sent and will be.
        unsent: usize,
    },
    /// A wave begins, or continues in a resumed run. Its servers are submitted from now on.
    WaveBegan {
        /// The wave.
        wave: usize,
        /// The number of waves.
        waves: usize,
        /// Servers of the wave without an outcome.
        servers: usize,
    },
    /// The servers of the next wave were read again, and some are no longer ready.
    WaveRechecked {
        /// The wave.
        wave: usize,
        /// The servers that are not ready.
        unready: Vec<UnreadyServer>,
        /// `true` if they are skipped; otherwise the run stops before the wave.
        skipped: bool,
    },
    /// The health check after a wave starts.
    CheckingHealth {
        /// The wave.
        wave: usize,
    },
    /// The health check after a wave finished.
    HealthChecked {
        /// The wave.
        wave: usize,
        /// `true` if the check passed.
        healthy: bool,
        /// The reason why the check failed.
        #[serde(rename = "words")]
        message: Option<String>,
    },
    /// The run asks whether to continue after the canary.
    Asking {
        /// The canary wave.
        wave: usize,
    },
    /// The question after the canary was answered.
    Answered {
        /// `true` if the run continues.
        #[serde(rename = "go_on")]
        proceed: bool,
    },
    /// The outcome of some servers is unknown, so the action may still be running on them. The next
    /// step after their wave waits until it must have finished.
    Holding {
        /// The length of the pause; as JSON in milliseconds.
        #[serde(rename = "pause_ms", with = "milliseconds")]
        pause: Duration,
    },
    /// The run pauses before the next wave.
    Pausing {
        /// The wave that has ended.
        wave: usize,
        /// The length of the pause; as JSON in milliseconds.
        #[serde(rename = "pause_ms", with = "milliseconds")]
        pause: Duration,
    },
    /// The soft restart of these servers failed; each is restarted hard, once.
    Escalating {
        /// The servers.
        servers: Vec<ServerId>,
    },
    /// A request waits for room in the quota.
    WaitingForQuota {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// The approximate time until there is room, if known; as JSON in milliseconds.
        /// Events of earlier versions do not have it.
        #[serde(
            rename = "retry_after_ms",
            default,
            with = "optional_milliseconds",
            skip_serializing_if = "Option::is_none"
        )]
        retry_after: Option<Duration>,
    },
    /// A request waits, because other runs act on some of its servers.
    WaitingForServers {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Some of these servers, and the runs that act on them.
        servers: Vec<HeldServer>,
    },
    /// A request is sent for the first time.
    Submitting {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
    },
    /// A request was accepted.
    Accepted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// Its job.
        job_id: JobId,
        /// The ticket, for another process to wait for the job. Events of earlier versions do not
        /// have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<Box<JobTicket>>,
    },
    /// The service throttled a request; it is sent again later.
    Throttled {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The service's answer.
        error: Problem,
        /// The time until it is sent again; as JSON in milliseconds.
        #[serde(rename = "retry_after_ms", with = "milliseconds")]
        retry_after: Duration,
    },
    /// A request was not delivered; it is sent again later.
    Retrying {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The reason why it was not delivered.
        error: Problem,
        /// The time until it is sent again; as JSON in milliseconds.
        #[serde(rename = "retry_after_ms", with = "milliseconds")]
        retry_after: Duration,
    },
    /// A request was refused, possibly because of one of its servers or their number. Its servers
    /// are sent again in smaller requests.
    Split {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// The refusal.
        error: Problem,
    },
    /// A request ended without a job. All of its servers have the same outcome.
    #[serde(rename = "batch_ended")]
    RequestEnded {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// [`OutcomeKind::Failed`], [`NotAttempted`](OutcomeKind::NotAttempted) or [`Unknown`](OutcomeKind::Unknown).
        outcome: OutcomeKind,
        /// The reason.
        error: Problem,
    },
    /// The answers to several requests in a row were lost. Nothing is sent until a harmless read
    /// shows that the service answers.
    ServiceDown {
        /// The time until the next read; in JSON as milliseconds.
        #[serde(rename = "retry_after_ms", with = "milliseconds")]
        retry_after: Duration,
    },
    /// The answer to a request was lost. Its servers are listed to find out whether it was
    /// executed.
    Reconciling {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// The reason why the outcome is unknown.
        error: Problem,
    },
    /// The job of a request whose answer was lost was found by its trace (Cloud Trace Service), and is
    /// polled.
    JobFound {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of its servers.
        servers: usize,
        /// Its job.
        job_id: JobId,
        /// The ticket, for another process to wait for the job. Events of earlier versions do not
        /// have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<Box<JobTicket>>,
    },
    /// Servers are sent again after a lost answer, because the caller allowed it.
    Resubmitting {
        /// The request whose answer was lost.
        #[serde(rename = "batch")]
        request: usize,
        /// The number of servers that are sent again.
        servers: usize,
        /// `true` if the first request may have been executed.
        maybe_executed: bool,
    },
    /// The servers were listed to verify those whose job succeeded.
    #[serde(rename = "settling")]
    Verifying {
        /// Servers that are not at rest yet.
        servers: usize,
    },
    /// The read before the first request showed something worth knowing about the way to the
    /// service; the run continues.
    ServiceWarning {
        /// The result of the read.
        error: Problem,
    },
    /// Listing the servers failed. The run continues.
    ListFailed {
        /// The reason.
        error: Problem,
    },
    /// A job was polled.
    JobProgress {
        /// The job.
        job_id: JobId,
        /// Its status.
        status: JobStatus,
        /// Servers of the job with a known outcome.
        done: usize,
        /// The number of servers of the job.
        servers: usize,
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
    /// A job made no progress for longer than the limit and is no longer polled.
    JobStalled {
        /// The job.
        job_id: JobId,
        /// The last known status.
        status: Option<JobStatus>,
    },
    /// A sign of life: the run waits. Sent every two minutes.
    Waiting {
        /// Servers with an outcome.
        done: usize,
        /// All servers of the run.
        servers: usize,
        /// Jobs that have not ended.
        jobs: usize,
    },
    /// The service does not show this job, while it shows others, and it is no longer polled.
    JobHidden {
        /// The job.
        job_id: JobId,
        /// The refusal.
        error: Problem,
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
    /// The outcome of a server is known.
    ServerDone(ServerReport),
    /// No further request is sent: for a requested stop, once the journal has it.
    Stopping {
        /// The reason, for people.
        reason: String,
        /// The reason for programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Stopped>,
    },
}

impl Event {
    pub(crate) fn stopping(cause: Stopped) -> Self {
        Self::Stopping {
            reason: cause.to_string(),
            cause: Some(cause),
        }
    }

    /// Adds the ticket that this function makes for a request, if the event is about a new job.
    pub(crate) fn add_ticket(&mut self, ticket_of: impl FnOnce(usize) -> Option<JobTicket>) {
        if let Self::Accepted {
            request, ticket, ..
        }
        | Self::JobFound {
            request, ticket, ..
        } = self
        {
            *ticket = ticket_of(*request).map(Box::new);
        }
    }
}

/// A duration that may be unknown, in milliseconds.
mod optional_milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::milliseconds::serialize(duration, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let known = Option::<u64>::deserialize(from)?;
        Ok(known.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests;
