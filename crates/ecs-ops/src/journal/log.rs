//! Writes the journal of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::clock::{ClockReading, Moment};
use ecs_client::{Contained, Error, ErrorKind, Panicked, Problem, chain};
use ecs_model::{Accepted, JobId, ServerId};
use ecs_transport::SendCheck;
use futures_util::future::{Shared, join_all};
use futures_util::{FutureExt as _, TryFutureExt as _};
use jiff::Timestamp;
use rustc_hash::FxHashSet;

use super::{
    Acceptance, Admission, Announcement, ErrorRecord, Journal, JournalError, JournalErrorKind,
    Purpose, QuotaLimits, Record, Recovered, milliseconds,
};

const CANNOT_BE_WRITTEN: &str = "the journal cannot be written";

/// The journal of a run, if it has one.
#[derive(Debug)]
pub(crate) struct RunJournal {
    client: ecs_client::Client,
    kept: Option<Arc<KeptJournal>>,
    /// Records that are being written.
    writes: Mutex<Vec<Write>>,
    /// The jobs of its requests.
    jobs: Mutex<FxHashSet<JobId>>,
}

/// The writing of a record. It completes even if its caller is gone.
type Write = Shared<BoxFuture<'static, Result<Admission, Problem>>>;

/// A journal, and its state in a run.
#[derive(Debug)]
struct KeptJournal {
    journal: Arc<dyn Journal>,
    /// The reason of its failure, if it failed.
    broken: Mutex<Option<Problem>>,
    /// The error of that failure, until somebody takes it.
    error: Mutex<Option<JournalError>>,
    /// Acceptances that are durable and that the state of the run does not know yet.
    accepted: Mutex<Vec<Acceptance>>,
}

impl KeptJournal {
    async fn append(self: Arc<Self>, at: Timestamp, record: Record) -> Result<(), Problem> {
        let accepted = Acceptance::of(at, &record);
        self.journal.lease().write_begun(1);
        self.settle(|| self.journal.append(at, record)).await?;
        self.journal.lease().write_ended(1);
        lock(&self.accepted).extend(accepted);
        Ok(())
    }

    async fn announce(self: Arc<Self>, announcement: Announcement) -> Result<Admission, Problem> {
        let (lease, records) = (self.journal.lease(), announcement.records.len() as u64);
        lease.write_begun(records);
        let announce = || self.journal.announce(announcement);
        let admission = self.settle(announce).await?;
        match admission {
            Admission::Admitted => lease.write_ended(records),
            _ => lease.write_refused(records),
        }
        Ok(admission)
    }

    /// Awaits a write. After one that failed the journal takes nothing more.
    async fn settle<'a, T>(
        &'a self,
        write: impl FnOnce() -> BoxFuture<'a, Result<T, JournalError>>,
    ) -> Result<T, Problem> {
        let written = Contained::new(write).await;
        let written = written.unwrap_or_else(|Panicked| {
            let message = "the journal panicked while it took a record";
            Err(JournalError::new(JournalErrorKind::Broken, message))
        });
        written.map_err(|error| {
            let problem = Problem::new(chain(&error)).because(CANNOT_BE_WRITTEN);
            lock(&self.error).get_or_insert(error);
            lock(&self.broken).get_or_insert(problem).clone()
        })
    }
}

/// Each change is made at once, so that a panic elsewhere has not harmed it.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunJournal {
    /// Creates the log of a new run.
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

    /// Creates the log of a run that is resumed.
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
        let log = Self::over(client, journal);
        for job in recovered.jobs() {
            log.note_job(&job.job_id);
        }
        Ok(log)
    }

    fn over(client: ecs_client::Client, journal: Option<Arc<dyn Journal>>) -> Self {
        let kept = journal.map(|journal| {
            Arc::new(KeptJournal {
                journal,
                broken: Mutex::default(),
                error: Mutex::default(),
                accepted: Mutex::default(),
            })
        });
        Self {
            client,
            kept,
            writes: Mutex::default(),
            jobs: Mutex::default(),
        }
    }

    /// Notes the job of a request. Returns `false` if another request of the run has the same.
    pub(crate) fn note_job(&self, job_id: &JobId) -> bool {
        lock(&self.jobs).insert(job_id.clone())
    }

    /// Returns `true` if there is a journal.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Appends a record; it is durable when this returns. If this is dropped, the record may still
    /// come: see [`finish_writes`](Self::finish_writes).
    pub(crate) async fn write(&self, record: impl FnOnce() -> Record) -> Result<(), Problem> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if let Some(problem) = self.broken() {
            return Err(problem);
        }
        let appending = Arc::clone(kept).append(self.client.clock().now(), record());
        self.start(appending.map_ok(|()| Admission::Admitted))
            .await?;
        Ok(())
    }

    /// Announces an attempt. Only one that is admitted may be sent.
    async fn announce(
        &self,
        announcement: impl FnOnce(Timestamp) -> Announcement,
    ) -> Result<Admission, Problem> {
        let Some(kept) = &self.kept else {
            return Ok(Admission::Admitted);
        };
        if let Some(problem) = self.broken() {
            return Err(problem);
        }
        let announcement = announcement(self.client.clock().now());
        self.start(Arc::clone(kept).announce(announcement)).await
    }

    /// Begins to write, so that it comes to its end.
    fn start(
        &self,
        writing: impl Future<Output = Result<Admission, Problem>> + Send + 'static,
    ) -> Write {
        let write = writing.boxed().shared();
        let mut writes = lock(&self.writes);
        writes.retain(|write| write.peek().is_none());
        writes.push(write.clone());
        write
    }

    /// Waits for the records whose writing was cut off.
    pub(crate) async fn finish_writes(&self) {
        let writes = std::mem::take(&mut *lock(&self.writes));
        drop(join_all(writes).await);
    }

    /// Takes the acceptance of a request, counted from 1, which the state now knows.
    pub(crate) fn take_accepted(&self, request: usize) -> Option<Acceptance> {
        let mut accepted = lock(&self.kept.as_ref()?.accepted);
        let of_request = |accepted: &Acceptance| accepted.request == request;
        let index = accepted.iter().position(of_request)?;
        Some(accepted.swap_remove(index))
    }

    /// Returns the time of the client's clock.
    pub(crate) fn clock_reading(&self) -> ClockReading {
        self.client.clock().read()
    }

    /// This moment, by the clock of the client.
    pub(crate) fn moment(&self) -> Moment {
        self.client.clock().moment()
    }

    /// Returns a check that an attempt which was admitted at that time may still be sent, if that is limited.
    pub(crate) fn send_check(&self, since: Moment) -> Option<SendCheck> {
        let lifetime = self.kept.as_ref()?.journal.admission_lifetime()?;
        let client = self.client.clone();
        Some(SendCheck::new(move || {
            client.clock().age(since) <= lifetime
        }))
    }

    /// Returns the reason of the journal's failure, if it failed. Then the run must send nothing more.
    pub(crate) fn broken(&self) -> Option<Problem> {
        lock(&self.kept.as_ref()?.broken).clone()
    }

    /// Counts the journal as failed with this problem, unless it failed before.
    pub(crate) fn give_up(&self, problem: Problem) -> Problem {
        match &self.kept {
            Some(kept) => lock(&kept.broken).get_or_insert(problem).clone(),
            None => problem,
        }
    }

    /// The error of a run that cannot begin because its journal failed with this problem.
    pub(crate) fn failure(&self, problem: Problem) -> Error {
        let error = Error::new(ErrorKind::NotRecorded, problem);
        let cause = self.kept.as_ref().and_then(|kept| lock(&kept.error).take());
        match cause {
            Some(cause) => error.caused_by(CANNOT_BE_WRITTEN, cause),
            None => error,
        }
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept {
            kept.journal.lease().give_back();
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

    /// Records the acceptance. A job that cannot be recorded is polled anyway.
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

#[cfg(test)]
mod tests;
