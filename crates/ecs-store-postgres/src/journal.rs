//! The journal of a run, in the store.

mod heartbeat;

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::BoxFuture;
use ecs_ops::journal::{
    Admission, Announcement, Entry, Journal, JournalError, JournalErrorKind, JournalLease, Record,
    RunRecord,
};
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_postgres::types::Type;
use uuid::Uuid;

use self::heartbeat::Heartbeat;
use crate::effects::{Effects, number, uuid};
use crate::reply::Reply;
use crate::shared::Shared;
use crate::{StoreError, StoreErrorKind};

/// The share of a request without an answer is held for so much longer than its time limit and the
/// window: for what lies between its announcement and its first byte.
const SLACK: Duration = Duration::from_secs(30);
/// The limits of the time until the next try of what was not admitted.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The time until the next try for servers that are held.
const HELD_WAIT: Duration = Duration::from_secs(1);

/// The journal of one run in a [`PostgresStore`](crate::PostgresStore).
///
/// Each call is one transaction in which the run's epoch is checked. After another process has
/// [taken the run over](crate::PostgresStore::resume) each call fails, so that a run with this
/// journal sends nothing more.
#[derive(Debug)]
pub struct PostgresJournal {
    writer: Arc<Mutex<Writer>>,
    lease: JournalLease,
    admission_lifetime: Duration,
}

/// The state of writing.
#[derive(Debug)]
struct Writer {
    store: Arc<Shared>,
    /// The run, once it is known.
    run_id: Option<String>,
    epoch: i64,
    /// The number of the next record.
    seq: u64,
    /// Why the journal takes no further records.
    broken: Option<String>,
    heartbeat: Option<Heartbeat>,
}

impl PostgresJournal {
    /// Of a new run, which begins with its first record.
    pub(crate) fn of_new_run(store: Arc<Shared>) -> Self {
        Self {
            admission_lifetime: store.admission_lifetime,
            writer: Arc::new(Mutex::new(Writer {
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

    /// Of a run that was taken over with this epoch and these records.
    pub(crate) fn of_taken_run(
        store: Arc<Shared>,
        run_id: &str,
        epoch: i64,
        entries: &[Entry],
    ) -> Self {
        let heartbeat = Heartbeat::start(Arc::clone(&store), run_id, epoch);
        Self {
            admission_lifetime: store.admission_lifetime,
            writer: Arc::new(Mutex::new(Writer {
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

    /// Lets go of the run in good order, ended or not: another process then resumes it without
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
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(run_id, Type::TEXT), (&writer.epoch, Type::INT8)];
        let released = writer
            .store
            .connection
            .call("SELECT ecsctl.release($1, $2)", &params);
        released.await.map(drop)
    }

    /// Writes in a task of its own, which continues if the future of the caller is dropped: the
    /// next call waits for it, so records keep their order and none is written twice.
    async fn write<T, F>(
        &self,
        write: impl FnOnce(OwnedMutexGuard<Writer>) -> F,
    ) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, JournalError>> + Send + 'static,
    {
        // The lock is fair.
        let writer = Arc::clone(&self.writer).lock_owned().await;
        if let Some(why) = &writer.broken {
            let message = format!("the journal in the store takes no more records: {why}");
            return Err(JournalError::new(JournalErrorKind::Broken, message));
        }
        let writing = tokio::spawn(write(writer));
        writing.await.unwrap_or_else(|_| {
            let message = "the journal takes no more records because the runtime is shutting down";
            Err(JournalError::new(JournalErrorKind::Broken, message))
        })
    }
}

impl Journal for PostgresJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.write(move |mut writer| async move {
            let appended = writer.append(at, record).await;
            appended.map_err(|error| writer.fail(error))
        }))
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

impl Writer {
    /// After an error nobody knows what is in the store, so that nothing more is written.
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
            (_, Some(run_id)) => self.append_lines(run_id, &lines, &effects).await?,
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
        let (write_id, process) = (Uuid::new_v4(), &self.store.process);
        let line = lines.first().map(String::as_str).unwrap_or_default();
        let (project, action) = (run.project.to_string(), run.action.name().to_owned());
        let servers = number(run.servers.len());
        self.call(
            "SELECT ecsctl.begin_run($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                (&run.run_id, Type::TEXT),
                (&write_id, Type::UUID),
                (&line, Type::TEXT),
                (&run.endpoint, Type::TEXT),
                (&project, Type::TEXT),
                (&action, Type::TEXT),
                (&servers, Type::INT4),
                (&process.user, Type::TEXT),
                (&process.host, Type::TEXT),
                (&process.pid, Type::INT4),
                (&process.program, Type::TEXT),
            ],
        )
        .await
    }

    async fn append_lines(
        &self,
        run_id: &str,
        lines: &[String],
        effects: &Effects,
    ) -> Result<Reply, StoreError> {
        let (write_id, seq) = (Uuid::new_v4(), self.seq_number());
        self.call(
            "SELECT ecsctl.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                (&run_id, Type::TEXT),
                (&self.epoch, Type::INT8),
                (&seq, Type::INT8),
                (&write_id, Type::UUID),
                (&lines, Type::TEXT_ARRAY),
                (&effects.answered, Type::INT4_ARRAY),
                (&effects.freed, Type::INT4_ARRAY),
                (&effects.over, Type::INT4_ARRAY),
                (&effects.released, Type::UUID_ARRAY),
                (&effects.ended, Type::BOOL),
            ],
        )
        .await
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
        let servers: Vec<Uuid> = servers.iter().map(uuid).collect();
        let (write_id, seq) = (Uuid::new_v4(), self.seq_number());
        let (request, limit) = (number(request), number(limits.servers));
        let window = milliseconds(limits.window);
        let hold = milliseconds(limits.window + limits.attempt_timeout + SLACK);
        loop {
            let reply = self
                .call(
                    "SELECT ecsctl.announce($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    &[
                        (&run_id, Type::TEXT),
                        (&self.epoch, Type::INT8),
                        (&seq, Type::INT8),
                        (&write_id, Type::UUID),
                        (&lines, Type::TEXT_ARRAY),
                        (&request, Type::INT4),
                        (&servers, Type::UUID_ARRAY),
                        (&limit, Type::INT4),
                        (&window, Type::INT8),
                        (&hold, Type::INT8),
                    ],
                )
                .await?;
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

    async fn call(
        &self,
        sql: &str,
        params: &crate::connection::Params<'_>,
    ) -> Result<Reply, StoreError> {
        self.store.call(sql, params).await
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

    fn seq_number(&self) -> i64 {
        i64::try_from(self.seq).unwrap_or(i64::MAX)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    // A part of a millisecond counts as a whole one: a share is never given back too early.
    i64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
}
