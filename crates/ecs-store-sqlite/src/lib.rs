//! Journal, quota, server leases and run registry in one file, for the runs of several processes of
//! one machine. No server is needed.
//!
//! | module | holds |
//! |---|---|
//! | `store` | [`SqliteStore`]: create, open, check |
//! | `file` | the connection to the file, and transactions |
//! | `schema` | its tables, in versions |
//! | `backend` | what a store does, as transactions |
//! | `error` | errors of SQLite as errors of the store |
//!
//! What a store does for runs is in [`ecs_ops::store`]; `ecs-store-postgres` does the same for several
//! hosts. See `docs/store.md`, and `docs/decisions/0020-a-shared-store.md` for the reasons.
//!
//! ```
//! use ecs_store_sqlite::{Process, SqliteOptions, SqliteStore};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("fleet.db");
//! let process = Process { user: "ops".into(), host: "a".into(), pid: 1, program: "tool 1.0".into() };
//! let options = SqliteOptions::new(file, process);
//! SqliteStore::migrate(options.clone()).await?; // once
//! let store = SqliteStore::open(options).await?;
//! let journal = store.journal(); // for RunBuilder::journal
//! assert!(store.runs(10).await?.is_empty());
//! # let _ = journal; Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod error;
mod file;
mod schema;
mod store;

pub use ecs_ops::store::{
    Process, RunStatus, RunSummary, StoreError, StoreErrorKind, StoreJournal, StoreTimes, Takeover,
};
pub use store::{SqliteCheck, SqliteOptions, SqliteStore};
