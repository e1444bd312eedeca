//! Runs that processes share: journals, the quota, server leases and the list of runs, in a
//! database.
//!
//! A [`Store`] is the same whatever database it is in; a [`Backend`] is one. `ecs-store-postgres` has
//! one for hosts, `ecs-store-sqlite` one for the processes of a host. See `docs/store.md`.
//!
//! | module | holds |
//! |---|---|
//! | `approval` | [`PlanApproval`]: the approval of a plan |
//! | `backend` | what a database must do, in one transaction each |
//! | `changes` | [`Changes`]: when to read again |
//! | `effects` | what follows from a record for quota and leases |
//! | `follower` | [`Follower`]: the records of a run of another process |
//! | `journal` | [`StoreJournal`]: records, with the epoch of the process |
//! | `reply` | what a transaction replies |
//! | `schema` | versions of the tables, and which programs may use them |
//! | `summary` | one line about a run |

mod approval;
mod backend;
mod changes;
mod effects;
mod error;
mod follower;
mod journal;
mod reply;
mod schema;
mod summary;

use std::sync::Arc;
use std::time::Duration;

use ecs_client::Endpoint;
use ecs_model::{ProjectId, ServerId};
use uuid::Uuid;

pub use approval::{Approve, PlanApproval, StoreIdentity};
pub use backend::{Append, AppendPosition, Ask, Backend, Begin, RunLines, TakeOver, Which};
pub use changes::{Change, Changes, Hints};
pub use effects::Effects;
pub use error::{StoreError, StoreErrorKind};
pub use follower::{Follower, RunUpdate};
pub use journal::StoreJournal;
pub use reply::{Held, Holder, Reply, timestamp};
pub use schema::{InstalledSchema, Migration};
pub use summary::{RunStatus, RunSummary};

use crate::journal::{Contents, HeldServer};

/// The process that uses a store, for people: a process that finds a run in use shows it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The user.
    pub user: String,
    /// The host.
    pub host: String,
    /// The id of the process.
    pub pid: i32,
    /// The program, with its version.
    pub program: String,
}

/// Time limits of a store.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoreTimes {
    /// The time without a sign of life of its process after which a run may be taken over. A process
    /// shows one every 5 s. Default: 30 s.
    pub takeover_after: Duration,
    /// The time for which an admission holds after its request: an attempt whose first byte has not
    /// left by then is announced again. Less than `takeover_after`, so that nothing leaves after a
    /// takeover of a silent process; more than connecting takes (at most 10 s). Default: 15 s.
    pub admission_lifetime: Duration,
    /// The interval at which a watcher reads without a hint of a change. Default: 1 s.
    pub poll_interval: Duration,
}

impl Default for StoreTimes {
    fn default() -> Self {
        Self {
            takeover_after: Duration::from_secs(30),
            admission_lifetime: Duration::from_secs(15),
            poll_interval: Duration::from_secs(1),
        }
    }
}

/// The condition for taking over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Its process released it or shows no sign of life.
    WhenSilent,
    /// At once. Its process, if it is alive, sends nothing more from then on; what it is sending at
    /// that moment is unknown to the process that takes over.
    AtOnce,
}

/// Runs in a database. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

/// The state that journals and the store share.
#[derive(Debug)]
pub(crate) struct Shared {
    backend: Box<dyn Backend>,
    process: Process,
    times: StoreTimes,
}

impl Store {
    /// A store in this database, as this process uses it.
    pub fn new(backend: impl Backend, process: Process, times: StoreTimes) -> Self {
        Self(Arc::new(Shared {
            backend: Box::new(backend),
            process,
            times,
        }))
    }

    /// The journal of a new run.
    pub fn journal(&self) -> StoreJournal {
        StoreJournal::of_new_run(Arc::clone(&self.0))
    }

    /// Takes a run over, to resume it: its journal and its records so far. From then on the process
    /// that had it can write nothing more.
    ///
    /// # Errors
    /// [`NoRun`](StoreErrorKind::NoRun); [`InUse`](StoreErrorKind::InUse): its process is alive, and
    /// the takeover is not to be at once; and those of the database.
    pub async fn resume(
        &self,
        run_id: &str,
        takeover: Takeover,
    ) -> Result<(StoreJournal, Contents), StoreError> {
        let take = TakeOver {
            run_id: run_id.to_owned(),
            write_id: Uuid::new_v4(),
            silent_after: match takeover {
                Takeover::WhenSilent => Some(self.0.times.takeover_after),
                Takeover::AtOnce => None,
            },
            process: self.0.process.clone(),
        };
        let (epoch, records) = match self.0.backend.take_over(take).await? {
            Reply::Taken { epoch, records } => (epoch, records),
            refused => return Err(refused.into_error(run_id)),
        };
        // Those that were there then: yet another process may have taken the run over since, which
        // the next append finds out.
        let contents = self.first_records(run_id, records).await?;
        let found = i64::try_from(contents.entries.len()).unwrap_or(i64::MAX);
        if found != records {
            return Err(Reply::Lost { records: found }.into_error(run_id));
        }
        let shared = Arc::clone(&self.0);
        let journal = StoreJournal::of_taken_run(shared, run_id, epoch, &contents.entries);
        Ok((journal, contents))
    }

    /// The records of a run, which may be active.
    ///
    /// # Errors
    /// [`NoRun`](StoreErrorKind::NoRun), [`Contradiction`](StoreErrorKind::Contradiction): a record
    /// is damaged; and those of the database.
    pub async fn records(&self, run_id: &str) -> Result<Contents, StoreError> {
        self.first_records(run_id, i64::MAX).await
    }

    async fn first_records(&self, run_id: &str, records: i64) -> Result<Contents, StoreError> {
        let found = self.0.backend.lines(run_id, records).await?;
        if found.is_empty() {
            return Err(Reply::NoRun.into_error(run_id));
        }
        follower::entries(run_id, &found, 0).map(Contents::of)
    }

    /// Returns at most this number of runs, the latest first.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        let (which, silent_after) = (Which::Latest(limit), self.0.times.takeover_after);
        self.0.backend.runs(which, silent_after).await
    }

    /// Reads one run; `None`: there is none of this id.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn run(&self, run_id: &str) -> Result<Option<RunSummary>, StoreError> {
        let (which, silent_after) = (Which::One(run_id), self.0.times.takeover_after);
        let runs = self.0.backend.runs(which, silent_after).await?;
        Ok(runs.into_iter().next())
    }

    /// Returns the servers among these that runs act on at the moment, in a project at an endpoint,
    /// which is compared by what it means.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn held(
        &self,
        endpoint: &Endpoint,
        project: &ProjectId,
        servers: &[ServerId],
    ) -> Result<Vec<HeldServer>, StoreError> {
        let endpoint = endpoint.to_string();
        let backend = &self.0.backend;
        backend.held(&endpoint, project.as_str(), servers).await
    }

    /// Deletes runs that ended longer ago than this; returns how many. In PostgreSQL it needs the
    /// rights of the owner of the tables.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn prune(&self, older_than: Duration) -> Result<u64, StoreError> {
        self.0.backend.prune(older_than).await
    }
}
