//! What happens on the way, for whoever watches.

use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use serde::Serialize;
use serde::ser::Serializer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::report::ServerReport;

/// One thing that happened in a run. Requests and waves are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    Planned {
        /// Its id.
        run_id: String,
        /// How many servers.
        servers: usize,
        /// In how many requests.
        #[serde(rename = "batches")]
        requests: usize,
    },
    /// A run goes on where its journal ends. What is known of each server follows.
    Resumed {
        /// How many servers have an outcome already.
        done: usize,
        /// How many were accepted, and are waited for.
        watched: usize,
        /// How many are of unknown fate.
        #[serde(rename = "doubtful")]
        unknown: usize,
        /// How many were never sent, and will be.
        unsent: usize,
    },
    /// A wave begins, or goes on in a resumed run: from now on its servers are submitted.
    WaveBegan {
        /// The wave.
        wave: usize,
        /// How many waves there are.
        waves: usize,
        /// Its servers, as far as they have not ended.
        servers: usize,
    },
    /// The health after a wave is being checked.
    CheckingHealth {
        /// The wave.
        wave: usize,
    },
    /// The health after a wave was checked.
    HealthChecked {
        /// The wave.
        wave: usize,
        /// Whether all is well.
        healthy: bool,
        /// What the check said, if it was not.
        #[serde(rename = "words")]
        message: Option<String>,
    },
    /// Somebody is asked whether to go on after the canary.
    Asking {
        /// The wave that was the canary.
        wave: usize,
    },
    /// Somebody said whether to go on after the canary.
    Answered {
        /// The answer.
        #[serde(rename = "go_on")]
        proceed: bool,
    },
    /// The fate of servers is unknown, so they may still be at work: nothing follows their wave before that must be over.
    Holding {
        /// How long, in milliseconds.
        #[serde(rename = "pause_ms", serialize_with = "milliseconds")]
        pause: Duration,
    },
    /// A pause before the next wave.
    Pausing {
        /// The wave before it.
        wave: usize,
        /// How long, in milliseconds.
        #[serde(rename = "pause_ms", serialize_with = "milliseconds")]
        pause: Duration,
    },
    /// The soft restart of these servers ended badly: they are restarted hard, once.
    Escalating {
        /// The servers.
        servers: Vec<ServerId>,
    },
    /// A request waits until the quota has room for it.
    WaitingForQuota {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
    },
    /// A request is sent for the first time.
    Submitting {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
    },
    /// A request was accepted.
    Accepted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
        /// Its job.
        job_id: JobId,
    },
    /// The service asks for less speed; the request is sent again later.
    Throttled {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// What the service said.
        error: Problem,
        /// When it is sent again, in milliseconds.
        #[serde(rename = "retry_after_ms", serialize_with = "milliseconds")]
        retry_after: Duration,
    },
    /// A request was certainly not delivered and is sent again later.
    Retrying {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Why it was not delivered.
        error: Problem,
        /// When it is sent again, in milliseconds.
        #[serde(rename = "retry_after_ms", serialize_with = "milliseconds")]
        retry_after: Duration,
    },
    /// A request was refused, perhaps because of one of its servers or of their number: its servers are sent again in
    /// smaller requests.
    Split {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
        /// The refusal.
        error: Problem,
    },
    /// A request ended without a job: each of its servers has the same outcome.
    #[serde(rename = "batch_ended")]
    RequestEnded {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
        /// `failed`, `not_attempted` or `unknown`.
        outcome: &'static str,
        /// Why.
        error: Problem,
    },
    /// The fate of a request is unknown: its servers are looked at for evidence.
    Reconciling {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its servers.
        servers: usize,
        /// Why it is unknown.
        error: Problem,
    },
    /// Servers are sent again after a request of unknown fate, as the caller wanted.
    Resubmitting {
        /// The request that they were in.
        #[serde(rename = "batch")]
        request: usize,
        /// How many.
        servers: usize,
        /// Whether they may have been acted on the first time.
        maybe_executed: bool,
    },
    /// The servers were listed, to see whether those have settled whose job succeeded.
    #[serde(rename = "settling")]
    Verifying {
        /// How many have not.
        servers: usize,
    },
    /// The servers could not be listed, so that nothing can be told from them; it goes on.
    ListFailed {
        /// Why.
        error: Problem,
    },
    /// A job was looked at.
    JobProgress {
        /// The job.
        job_id: JobId,
        /// Its status.
        status: JobStatus,
        /// Of how many of its servers the end is known.
        done: usize,
        /// How many servers it has.
        servers: usize,
    },
    /// A job has a status that the vendor's pages don't know: it is watched on. Said once for each job.
    UndocumentedStatus {
        /// The job.
        job_id: JobId,
        /// The status.
        status: JobStatus,
    },
    /// A job tells of servers that it was not given: they are not counted. Said once for each job.
    UnrequestedServers {
        /// The job.
        job_id: JobId,
        /// The servers.
        servers: Vec<ServerId>,
    },
    /// A job has made no progress for as long as it may: it is not waited for any longer.
    JobStalled {
        /// The job.
        job_id: JobId,
        /// The status that was seen last.
        status: Option<JobStatus>,
    },
    /// A look at a job showed nothing; it goes on, and is looked at again later.
    QueryFailed {
        /// The job.
        job_id: JobId,
        /// Why.
        error: Problem,
        /// When it is looked at again, in milliseconds.
        #[serde(rename = "retry_after_ms", serialize_with = "milliseconds")]
        retry_after: Duration,
    },
    /// The outcome of a server is known.
    ServerDone(ServerReport),
    /// No further request is sent.
    Stopping {
        /// Why.
        reason: String,
    },
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The events of a run, from the moment at which this was asked for.
///
/// Nothing waits for the reader: events that are not read wait in memory until this is dropped.
#[derive(Debug)]
pub struct Events(UnboundedReceiver<Event>);

impl Events {
    /// The next event; `None` when the run has ended and every event was read. Cancel-safe: as a branch of
    /// `tokio::select!` it loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

/// Where events go: to every reader that is still there.
#[derive(Debug, Default)]
pub(crate) struct Sink(Vec<UnboundedSender<Event>>);

impl Sink {
    pub(crate) fn subscribe(&mut self) -> Events {
        let (sender, receiver) = unbounded_channel();
        self.0.push(sender);
        Events(receiver)
    }

    pub(crate) fn emit(&self, event: Event) {
        for reader in &self.0 {
            // A reader that is gone is not missed.
            let _ = reader.send(event.clone());
        }
    }
}

#[cfg(test)]
mod tests;
