//! The connection to the file. What takes time runs on tokio's threads for that.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_ops::store::{Hints, StoreError, StoreErrorKind};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::time::{Instant, sleep};

use crate::error::of_sqlite;

/// The longest wait of one try for other processes.
const BUSY: Duration = Duration::from_secs(5);
/// The pause between tries.
const PAUSE: Duration = Duration::from_millis(200);
/// The interval at which a watcher checks the file for changes: it reads a few bytes of shared memory.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// A file, as this process has it: one transaction at a time.
#[derive(Clone)]
pub(crate) struct File {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.path).finish()
    }
}

impl File {
    /// Opens the file; `creates`: makes one that only its owner may read, if there is none.
    pub(crate) async fn open(path: &Path, creates: bool) -> Result<Self, StoreError> {
        let path = path.to_owned();
        blocking(move || {
            if creates {
                create(&path)?;
            } else if !path.exists() {
                let message = format!("there is no store {}", path.display());
                return Err(StoreError::new(StoreErrorKind::NoTables, message));
            }
            let connection = connect(&path).map_err(|error| {
                let error = of_sqlite(error);
                let message = format!("the store {} cannot be opened", path.display());
                StoreError::new(error.kind(), message).with_source_of(error)
            })?;
            let connection = Arc::new(Mutex::new(connection));
            Ok(Self { path, connection })
        })
        .await
    }

    /// Makes a transaction that writes, at the time that it is given in microseconds since 1970;
    /// tries for so long. It is repeated as it was after a commit that failed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        retry_limit: Duration,
        write: impl Fn(&Transaction<'_>, i64) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let (began, write) = (Instant::now(), Arc::new(write));
        loop {
            let (file, write) = (self.clone(), Arc::clone(&write));
            let done = blocking(move || {
                let mut connection = file
                    .connection
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                // The lock of the file comes first: the time is read within it.
                let transaction = connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .map_err(of_sqlite)?;
                let now = Timestamp::now().as_microsecond();
                let value = write(&transaction, now)?;
                transaction.commit().map_err(of_sqlite)?;
                Ok(value)
            });
            match done.await {
                Err(error) if error.is_temporary() && began.elapsed() + PAUSE < retry_limit => {
                    tracing::warn!(%error, "the store is unavailable, trying again");
                    sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Reads, as of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Transaction<'_>, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = self.clone();
        blocking(move || {
            let mut connection = file
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction().map_err(of_sqlite)?;
            read(&transaction, Timestamp::now().as_microsecond()).map_err(of_sqlite)
        })
        .await
    }

    /// Sends a hint when another connection changed the file. Ends when the file cannot be read.
    pub(crate) async fn watch(&self, hints: Hints) {
        let path = self.path.clone();
        let opened = blocking(move || {
            let connection = connect(&path).map_err(of_sqlite)?;
            let version = data_version(&connection)?;
            Ok((connection, version))
        });
        let Ok((mut connection, mut version)) = opened.await else {
            return;
        };
        hints.anything_changed();
        loop {
            sleep(WATCH_INTERVAL).await;
            let read = blocking(move || {
                let version = data_version(&connection)?;
                Ok((connection, version))
            });
            let Ok((back, now)) = read.await else { return };
            connection = back;
            if now != version {
                version = now;
                hints.anything_changed();
            }
        }
    }
}

/// A number that is another one after another connection changed the file (SQLite manual, "PRAGMA
/// data_version").
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    let version = connection.pragma_query_value(None, "data_version", |row| row.get(0));
    version.map_err(of_sqlite)
}

fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let message = format!("the store {} cannot be created", path.display());
            Err(StoreError::new(StoreErrorKind::Refused, message).with_source(error))
        }
    }
}

/// Each commit is durable when it returns: the log is synced. Other processes read meanwhile.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let message = "the access to the store was cut off";
        Err(StoreError::new(StoreErrorKind::Other, message).with_source(error))
    })
}

#[cfg(test)]
mod tests;
