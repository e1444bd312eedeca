//! The store: runs of the processes of a machine in one file.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use ecs_ops::store::{Process, Store, StoreError, StoreTimes};

use crate::backend::SqliteBackend;
use crate::error::of_sqlite;
use crate::file::File;
use crate::schema;

/// The options of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The file. It must be on a disk of this machine: other machines do not see its locks.
    pub file: PathBuf,
    /// The process that uses it.
    pub process: Process,
    /// The longest wait for a file that is busy, or on a full disk, at each step of a run, before
    /// the run ends. Default: 10 minutes.
    pub retry_limit: Duration,
    /// Time limits.
    pub times: StoreTimes,
}

impl SqliteOptions {
    /// The defaults.
    pub fn new(file: impl Into<PathBuf>, process: Process) -> Self {
        Self {
            file: file.into(),
            process,
            retry_limit: Duration::from_secs(600),
            times: StoreTimes::default(),
        }
    }
}

/// A store in a file. Cheap to clone. What it does is that of a [`Store`].
#[derive(Clone, Debug)]
pub struct SqliteStore(Store);

/// The result of [`SqliteStore::check`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteCheck {
    /// The version of SQLite.
    pub sqlite: String,
    /// The version of the tables.
    pub schema: i32,
    /// The version that this program writes.
    pub program_schema: i32,
    /// The number of runs.
    pub runs: i64,
}

impl SqliteStore {
    /// Opens the file, and checks that its tables are of a version that this program writes.
    ///
    /// # Errors
    /// There is no such file, it is no store or of another version, or it cannot be read and written.
    pub async fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_to(options, true).await
    }

    /// Opens it to list and show runs only: also a store whose tables are of a later version.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_read_only(options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_to(options, false).await
    }

    async fn open_to(options: SqliteOptions, writes: bool) -> Result<Self, StoreError> {
        let file = File::open(&options.file, false).await?;
        let installed = file.read(|transaction, _| schema::installed(transaction));
        installed.await?.check(schema::VERSION, writes)?;
        let backend = SqliteBackend {
            file,
            retry_limit: options.retry_limit,
        };
        Ok(Self(Store::new(backend, options.process, options.times)))
    }

    /// Creates the file with its tables, or updates them. Only its owner may read a file that is
    /// created. Returns the versions before and after.
    ///
    /// # Errors
    /// The file cannot be created, read or written.
    pub async fn migrate(options: SqliteOptions) -> Result<(i32, i32), StoreError> {
        let file = File::open(&options.file, true).await?;
        file.write(options.retry_limit, schema::migrate).await
    }

    /// Reads the store's version, and checks that it can be used.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(options: SqliteOptions) -> Result<SqliteCheck, StoreError> {
        let file = File::open(&options.file, false).await?;
        let installed = file.read(|transaction, _| schema::installed(transaction));
        let installed = installed.await?;
        installed.check(schema::VERSION, true)?;
        // Within a transaction that writes: whether this process may.
        let runs = file.write(options.retry_limit, |transaction, _| {
            let count = "SELECT count(*) FROM runs";
            let count = transaction.query_row(count, [], |row| row.get(0));
            count.map_err(of_sqlite)
        });
        Ok(SqliteCheck {
            runs: runs.await?,
            sqlite: rusqlite::version().to_owned(),
            schema: installed.version,
            program_schema: schema::VERSION,
        })
    }
}

impl Deref for SqliteStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}
