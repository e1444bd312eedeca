//! The journal of a run, in the store.

mod heartbeat;

use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use self::heartbeat::Heartbeat;
use super::backend::{Append, AppendPosition, Ask, Begin};
use super::effects::{Effects, number};
use super::reply::Reply;
use super::{Shared, StoreError, StoreErrorKind};
use crate::journal::{
    Admission, Announcement, Entry, Journal, JournalError, JournalErrorKind, JournalLease, Record,
    RunRecord,
};

/// The share of a request without an answer is held for so much longer than its time limit and the
/// window: for what lies between its announcement and its first byte.
const SLACK: Duration = Duration::from_secs(30);
/// The limits of the time until the next try of what was not admitted.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The time until the next try for servers that are held.
const HELD_WAIT: Duration = Duration::from_secs(1);

/// The journal of one run in a [`Store`](super::Store).
///
/// Each call is one transaction in which the run's epoch is checked. After another process has
/// [taken the run over](super::Store::resume) each call fails, so that a run with this
/// journal sends nothing more.
#[derive(Debug)]
pub struct StoreJournal {
    writer: Arc<Mutex<RecordWriter>>,
    lease: JournalLease,
    admission_lifetime: Duration,
}

/// The state of writing.
#[derive(Debug)]
struct RecordWriter {
    store: Arc<Shared>,
    /// The run, once it is known.
    run_id: Option<String>,
    epoch: i64,
    /// The number of the next record.
    seq: u64,
    /// The reason why the journal takes no further records.
    broken: Option<String>,
    heartbeat: Option<Heartbeat>,
}

impl StoreJournal {
    /// Creates the journal of a new run, which begins with its first record.
    pub(crate) fn of_new_run(store: Arc<Shared>) -> Self {
        Self {
            admission_lifetime: store.times.admission_lifetime,
            writer: Arc::new(Mutex::new(RecordWriter {
                store,
                run_id: None,
                epoch: 1,
                seq: 0,
                broken: None,
                heartbeat: None,
            })),
            lease: JournalLease::new(),
        }
    }

    /// Creates the journal of a run that was taken over with this epoch and these records.
    pub(crate) fn of_taken_run(
        store: Arc<Shared>,
        run_id: &str,
        epoch: i64,
        entries: &[Entry],
    ) -> Self {
        let heartbeat = Heartbeat::start(Arc::clone(&store), run_id, epoch);
        Self {
            admission_lifetime: store.times.admission_lifetime,
            writer: Arc::new(Mutex::new(RecordWriter {
                store,
                run_id: Some(run_id.to_owned()),
                epoch,
                seq: entries.len() as u64,
                broken: None,
                heartbeat: Some(heartbeat),
            })),
            lease: JournalLease::of_entries(entries),
        }
    }

    /// Releases the run in good order, ended or not: another process then resumes it without
    /// waiting. Whatever is dropped without this counts as dead after a while.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn release(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        writer.heartbeat = None;
        let closed = "takes no more records because it was released";
        writer.broken.get_or_insert_with(|| closed.to_owned());
        let Some(run_id) = &writer.run_id else {
            return Ok(());
        };
        let backend = &writer.store.backend;
        backend.release(run_id, writer.epoch).await
    }

    /// Writes in a task of its own, which continues if the future of the caller is dropped: the
    /// next call waits for it, so records keep their order and none is written twice.
    async fn write<T, F>(
        &self,
        write: impl FnOnce(OwnedMutexGuard<RecordWriter>) -> F,
    ) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, JournalError>> + Send + 'static,
    {
        // The lock is fair.
        let writer = Arc::clone(&self.writer).lock_owned().await;
        if let Some(reason) = &writer.broken {
            let message = format!("the journal in the store takes no more records: {reason}");
            return Err(JournalError::new(JournalErrorKind::Broken, message));
        }
        let writing = tokio::spawn(write(writer));
        writing.await.unwrap_or_else(|_| {
            let message = "the journal takes no more records because the runtime is shutting down";
            Err(JournalError::new(JournalErrorKind::Broken, message))
        })
    }
}

impl Journal for StoreJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            // Whoever lends it has waited for the writes before, so nothing comes between.
            let held = self.writer.lock().await.seq;
            self.lease.check(held, &record)?;
            let write = self.write(move |mut writer| async move {
                let appended = writer.append(at, record).await;
                appended.map_err(|error| writer.fail(error))
            });
            write.await
        })
    }

    fn announce(
        &self,
        announcement: Announcement,
    ) -> BoxFuture<'_, Result<Admission, JournalError>> {
        Box::pin(self.write(move |mut writer| async move {
            let announced = writer.announce(announcement).await;
            announced.map_err(|error| writer.fail(error))
        }))
    }

    fn admission_lifetime(&self) -> Option<Duration> {
        Some(self.admission_lifetime)
    }

    fn lease(&self) -> &JournalLease {
        &self.lease
    }
}

impl RecordWriter {
    /// After an error the content of the store is unknown, so nothing more is written.
    fn fail(&mut self, error: StoreError) -> JournalError {
        self.broken = Some(error.to_string());
        self.heartbeat = None;
        error.into()
    }

    async fn append(&mut self, at: Timestamp, record: Record) -> Result<(), StoreError> {
        if let Record::Intent { .. } | Record::Sending { .. } = &record {
            let message = "an attempt is announced, not appended";
            return Err(StoreError::new(StoreErrorKind::Other, message));
        }
        let effects = Effects::of(&record);
        let lines = self.lines(at, vec![record.clone()])?;
        let reply = match (&record, &self.run_id) {
            (Record::Run(run), None) => {
                let reply = self.begin(run, &lines).await?;
                self.run_id = Some(run.run_id.clone());
                reply
            }
            (_, Some(run_id)) => {
                let (place, effects) = (self.place(run_id), effects.clone());
                let append = Append {
                    place,
                    lines,
                    effects,
                };
                self.store.backend.append(append).await?
            }
            (_, None) => {
                let message = "the first record of a journal is that of its run";
                return Err(StoreError::new(StoreErrorKind::Other, message));
            }
        };
        let run_id = self.run_id.clone().unwrap_or_default();
        let Reply::Written = reply else {
            return Err(reply.into_error(&run_id));
        };
        self.seq += 1;
        if self.heartbeat.is_none() {
            let store = Arc::clone(&self.store);
            self.heartbeat = Some(Heartbeat::start(store, &run_id, self.epoch));
        }
        if effects.ended {
            self.heartbeat = None;
        }
        Ok(())
    }

    async fn begin(&self, run: &RunRecord, lines: &[String]) -> Result<Reply, StoreError> {
        let begin = Begin {
            run_id: run.run_id.clone(),
            write_id: Uuid::new_v4(),
            line: lines.first().cloned().unwrap_or_default(),
            endpoint: run.endpoint.clone(),
            project: run.project.to_string(),
            action: run.action.name().to_owned(),
            servers: number(run.servers.len()),
            process: self.store.process.clone(),
        };
        self.store.backend.begin(begin).await
    }

    /// Returns the position of the next records, for a new call.
    fn place(&self, run_id: &str) -> AppendPosition {
        AppendPosition {
            run_id: run_id.to_owned(),
            epoch: self.epoch,
            seq: i64::try_from(self.seq).unwrap_or(i64::MAX),
            write_id: Uuid::new_v4(),
        }
    }

    async fn announce(&mut self, announcement: Announcement) -> Result<Admission, StoreError> {
        let Announcement {
            at,
            request,
            servers,
            records,
            limits,
            ..
        } = announcement;
        let Some(run_id) = self.run_id.clone() else {
            let message = "the first record of a journal is that of its run";
            return Err(StoreError::new(StoreErrorKind::Other, message));
        };
        let added = records.len() as u64;
        let lines = self.lines(at, records)?;
        let ask = Ask {
            place: self.place(&run_id),
            lines,
            request: number(request),
            servers,
            limits,
            hold: limits.window + limits.attempt_timeout + SLACK,
        };
        loop {
            let reply = self.store.backend.announce(ask.clone()).await?;
            match reply {
                Reply::Written => {
                    self.seq += added;
                    return Ok(Admission::Admitted);
                }
                Reply::Full {
                    written,
                    retry_after_ms,
                } => {
                    let retry_after = retry_after_ms.map_or(LONGEST_WAIT, Duration::from_millis);
                    let retry_after = retry_after.clamp(SHORTEST_WAIT, LONGEST_WAIT);
                    if !written {
                        return Ok(Admission::QuotaFull { retry_after });
                    }
                    // Its share was held for too long without anything sent: it needs another.
                    tokio::time::sleep(retry_after).await;
                }
                Reply::Held { servers } => {
                    return Ok(Admission::ServersHeld {
                        servers: servers.into_iter().map(|held| held.server()).collect(),
                        retry_after: HELD_WAIT,
                    });
                }
                refused => return Err(refused.into_error(&run_id)),
            }
        }
    }

    /// Records as lines, numbered from the next one on.
    fn lines(&self, at: Timestamp, records: Vec<Record>) -> Result<Vec<String>, StoreError> {
        let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = "a record cannot be encoded";
            StoreError::new(StoreErrorKind::Other, message).with_source(error)
        };
        let numbered = (self.seq..).zip(records);
        let line = |(seq, record)| {
            let line = Entry::new(seq, at, record).to_line();
            let mut line = line.map_err(|error| unreadable(error.into()))?;
            line.pop(); // the newline
            String::from_utf8(line).map_err(|error| unreadable(error.into()))
        };
        numbered.map(line).collect()
    }
}
