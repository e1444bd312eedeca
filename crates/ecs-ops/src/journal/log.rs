//! Writes the journal of a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_client::Problem;
use ecs_client::clock::ClockReading;
use ecs_model::{Accepted, ServerId};

use super::{ErrorRecord, Journal, Purpose, Record, milliseconds};

/// The journal of a run, if it has one, and why it failed, if it did.
#[derive(Debug)]
pub(crate) struct RunJournal {
    client: ecs_client::Client,
    journal: Option<Arc<dyn Journal>>,
    broken: Mutex<Option<Problem>>,
}

impl RunJournal {
    pub(crate) fn new(client: ecs_client::Client, journal: Option<Arc<dyn Journal>>) -> Self {
        Self {
            client,
            journal,
            broken: Mutex::default(),
        }
    }

    /// Appends a record; it is durable when this returns.
    pub(crate) async fn write(&self, record: impl FnOnce() -> Record) -> Result<(), Problem> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        if let Some(problem) = self.broken() {
            return Err(problem);
        }
        let written = journal.append(self.client.clock().now(), record()).await;
        written.map_err(|error| {
            let problem =
                Problem::new(ecs_client::chain(&error)).because("the journal cannot be written");
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert(problem).clone()
        })
    }

    /// Why the journal failed, if it did. Then the run must send nothing more.
    pub(crate) fn broken(&self) -> Option<Problem> {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Writes the records of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestJournal<'a> {
    pub(crate) log: &'a RunJournal,
    /// Counted from 1.
    pub(crate) request: usize,
    pub(crate) purpose: Purpose,
    pub(crate) servers: &'a [ServerId],
}

impl RequestJournal<'_> {
    /// Announces an attempt. It must not be sent if this fails.
    pub(crate) async fn announce(&self, attempt: u32, now: ClockReading) -> Result<(), Problem> {
        let (request, purpose) = (self.request, self.purpose);
        let intent = || Record::Intent {
            request,
            attempt,
            purpose,
            servers: self.servers.to_vec(),
        };
        self.log.write(intent).await?;
        let sending = || Record::Sending {
            request,
            attempt,
            remote: now.remote,
        };
        self.log.write(sending).await
    }

    /// Records that the attempt was certainly not executed. A failure needs no handling: it stops
    /// the run.
    pub(crate) async fn not_executed(
        &self,
        throttled: bool,
        retry_after: Option<Duration>,
        error: &Problem,
    ) {
        let record = || Record::NotExecuted {
            request: self.request,
            throttled,
            retry_after_ms: retry_after.map(milliseconds),
            error: ErrorRecord::from(error),
        };
        drop(self.log.write(record).await);
    }

    /// Records the acceptance. A job that cannot be recorded is polled all the same.
    pub(crate) async fn accepted(&self, accepted: &Accepted) {
        let record = || Record::Accepted {
            request: self.request,
            job_id: accepted.job_id.clone(),
            request_id: accepted.request_id.clone(),
        };
        drop(self.log.write(record).await);
    }

    /// Records that the answer was lost.
    pub(crate) async fn lost(&self, error: &Problem) {
        let record = || Record::AnswerLost {
            request: self.request,
            error: ErrorRecord::from(error),
        };
        drop(self.log.write(record).await);
    }
}
