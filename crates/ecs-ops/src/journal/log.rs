//! Writes the journal of a run.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_client::clock::ClockReading;
use ecs_client::{Problem, chain};
use ecs_model::{Accepted, ServerId};
use futures_util::FutureExt as _;
use jiff::Timestamp;

use super::{
    Admission, Announcement, ErrorRecord, Journal, JournalError, JournalErrorKind, Purpose,
    QuotaLimits, Record, Recovered, milliseconds,
};

/// The journal of a run, if it has one, and why it failed, if it did.
#[derive(Debug)]
pub(crate) struct RunJournal {
    client: ecs_client::Client,
    journal: Option<Arc<dyn Journal>>,
    broken: Mutex<Option<Problem>>,
}

impl RunJournal {
    /// Of a new run.
    pub(crate) fn begin(
        client: ecs_client::Client,
        journal: Option<Arc<dyn Journal>>,
        run_id: &str,
    ) -> Result<Self, JournalError> {
        if let Some(journal) = &journal {
            journal.lease().lend(run_id)?;
        }
        Ok(Self::over(client, journal))
    }

    /// Of a run that is resumed.
    pub(crate) fn resume(
        client: ecs_client::Client,
        journal: Option<Arc<dyn Journal>>,
        recovered: &Recovered,
    ) -> Result<Self, JournalError> {
        if let Some(journal) = &journal {
            let run_id = &recovered.run().run_id;
            journal
                .lease()
                .lend_to_resume(run_id, recovered.records())?;
        }
        Ok(Self::over(client, journal))
    }

    fn over(client: ecs_client::Client, journal: Option<Arc<dyn Journal>>) -> Self {
        Self {
            client,
            journal,
            broken: Mutex::default(),
        }
    }

    /// Whether there is a journal.
    pub(crate) fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Appends a record; it is durable when this returns.
    pub(crate) async fn write(&self, record: impl FnOnce() -> Record) -> Result<(), Problem> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        if let Some(problem) = self.broken() {
            return Err(problem);
        }
        let (at, record) = (self.client.clock().now(), record());
        journal.lease().write_begun(1);
        self.settle(async { journal.append(at, record).await })
            .await?;
        journal.lease().write_ended(1);
        Ok(())
    }

    /// Announces an attempt. Only one that is admitted may be sent.
    async fn announce(
        &self,
        announcement: impl FnOnce(Timestamp) -> Announcement,
    ) -> Result<Admission, Problem> {
        let Some(journal) = &self.journal else {
            return Ok(Admission::Admitted);
        };
        if let Some(problem) = self.broken() {
            return Err(problem);
        }
        let announcement = announcement(self.client.clock().now());
        let records = announcement.records.len() as u64;
        journal.lease().write_begun(records);
        let admission = self
            .settle(async { journal.announce(announcement).await })
            .await?;
        match admission {
            Admission::Admitted => journal.lease().write_ended(records),
            _ => journal.lease().write_refused(records),
        }
        Ok(admission)
    }

    /// Awaits a write. After one that failed the journal takes nothing more.
    async fn settle<T>(
        &self,
        writing: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, Problem> {
        // The panic may already come while the journal makes its future.
        let written = AssertUnwindSafe(writing).catch_unwind().await;
        let written = written.unwrap_or_else(|_| {
            let message = "the journal panicked while it took a record";
            Err(JournalError::new(JournalErrorKind::Broken, message))
        });
        written.map_err(|error| {
            let problem = Problem::new(chain(&error)).because("the journal cannot be written");
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert(problem).clone()
        })
    }

    /// What the clock of the client shows.
    pub(crate) fn clock_reading(&self) -> ClockReading {
        self.client.clock().read()
    }

    /// Why the journal failed, if it did. Then the run must send nothing more.
    pub(crate) fn broken(&self) -> Option<Problem> {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        if let Some(journal) = &self.journal {
            journal.lease().give_back();
        }
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
    /// Announces an attempt. It must not be sent unless it is admitted.
    pub(crate) async fn announce(
        &self,
        attempt: u32,
        now: ClockReading,
        limits: QuotaLimits,
    ) -> Result<Admission, Problem> {
        let (request, purpose) = (self.request, self.purpose);
        let announcement = |at| {
            let servers = self.servers.to_vec();
            let intent = Record::Intent {
                request,
                attempt,
                purpose,
                servers: servers.clone(),
            };
            let sending = Record::Sending {
                request,
                attempt,
                remote: now.remote,
            };
            Announcement::new(at, request, servers, vec![intent, sending], limits)
        };
        self.log.announce(announcement).await
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
