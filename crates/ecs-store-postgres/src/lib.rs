//! Journal, quota, server leases and run registry in PostgreSQL, for runs of many processes and
//! hosts.
//!
//! | module | holds |
//! |---|---|
//! | `address` | where the store is, and as whom it is used |
//! | `connection`, `tls` | the way to it, made anew when it breaks |
//! | `schema` | its tables and functions, in versions |
//! | `store` | [`PostgresStore`]: open, migrate, check |
//! | `backend` | the functions of the schema, as calls |
//! | `listener` | hints about runs that change |
//!
//! What a store does for runs is in [`ecs_ops::store`].
//!
//! Each call is one function of the schema and one transaction: it checks that the process still has the run
//! (its *epoch*), appends the records, and keeps what the runs share, all or nothing. Time is the
//! database's. See `docs/store.md`, and `docs/decisions/0020-a-shared-store.md` for the reasons.
//!
//! ```no_run
//! use ecs_ops::journal::Recovered;
//! use ecs_store_postgres::{PostgresStore, Process, StoreOptions, Takeover};
//!
//! # async fn example(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), Box<dyn std::error::Error>> {
//! let process = Process { user: "ops".into(), host: "a".into(), pid: 1, program: "tool 1.0".into() };
//! let store = PostgresStore::open(StoreOptions::new("postgres://ops@db.example/fleet".parse()?, process)).await?;
//! let report = client.start(servers).journal(store.journal()).report().await?;
//!
//! // On another host, after the first one died:
//! let (journal, contents) = store.resume(&report.run_id, Takeover::WhenSilent).await?;
//! let recovered = Recovered::from_entries(contents.entries)?;
//! let report = client.resume(journal, recovered)?.report().await?;
//! # let _ = report; Ok(()) }
//! ```

mod address;
mod backend;
mod connection;
mod error;
mod listener;
mod schema;
mod store;
mod tls;

pub use address::{Passfile, StoreAddress};
pub use ecs_ops::store::{
    Process, RunStatus, RunSummary, StoreError, StoreErrorKind, StoreJournal, StoreTimes, Takeover,
};
pub use store::{PostgresStore, StoreCheck, StoreOptions};
