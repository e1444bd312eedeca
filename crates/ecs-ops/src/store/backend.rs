//! The transactions of a store, for any database.

use std::fmt;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::ServerId;
use uuid::Uuid;

use super::approval::{Approve, PlanApproval};
use super::changes::Hints;
use super::effects::Effects;
use super::reply::Reply;
use super::summary::RunSummary;
use super::{Process, StoreError};
use crate::journal::{HeldServer, QuotaLimits};

/// The database of a [`Store`](super::Store).
///
/// Each method is one transaction. It fails with [`Unavailable`](super::StoreErrorKind::Unavailable) only after it has been
/// tried for a while, which the backend decides. A call whose commit is unknown is repeated by the backend as it was: its
/// `write_id` is stored with what it wrote, and found there.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Begins a run with its first record: [`Reply::Written`] or [`Reply::Exists`].
    fn begin(&self, begin: Begin) -> BoxFuture<'_, Result<Reply, StoreError>>;

    /// Appends records, if the epoch is that of the run, with what follows from them.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Reply, StoreError>>;

    /// Appends the records of an attempt, if there is room in the quota and no other run acts on
    /// its servers; its share and its servers are held then.
    fn announce(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, StoreError>>;

    /// Raises the epoch of a run: [`Reply::Taken`], [`Reply::InUse`] or [`Reply::NoRun`].
    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Reply, StoreError>>;

    /// A sign of life. `false`: another process has the run.
    fn touch<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The process releases the run: a takeover need not wait.
    fn release<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The lines of the records of a run with numbers below this, in their order, without newlines.
    fn lines<'a>(
        &'a self,
        run_id: &'a str,
        below: i64,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// The latest runs, or the one that is requested. A process is silent after this time.
    fn runs<'a>(
        &'a self,
        which: Which<'a>,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Vec<RunSummary>, StoreError>>;

    /// A run, and the lines of its records with numbers from this on, as of one moment. Tried once.
    fn read_run<'a>(
        &'a self,
        run_id: &'a str,
        from: i64,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Option<RunLines>, StoreError>>;

    /// Keeps an approval of a plan.
    fn approve(&self, approve: Approve) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Returns the approvals of the plan with this hash, the first one first.
    fn approvals<'a>(
        &'a self,
        plan_hash: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PlanApproval>, StoreError>>;

    /// Returns the role that the database knows this process by; `None`: the database has no roles.
    fn role(&self) -> BoxFuture<'_, Result<Option<String>, StoreError>>;

    /// Sends hints about runs that change, for as long as it is polled. It may end, if the database
    /// gives none, and may miss changes: a reader of hints also reads from time to time.
    fn listen(&self, hints: Hints) -> BoxFuture<'static, ()>;

    /// Returns the servers among these that runs act on.
    fn held<'a>(
        &'a self,
        endpoint: &'a str,
        project: &'a str,
        servers: &'a [ServerId],
    ) -> BoxFuture<'a, Result<Vec<HeldServer>, StoreError>>;

    /// Deletes runs that ended longer ago, but for those whose shares are held.
    fn prune(&self, older_than: Duration) -> BoxFuture<'_, Result<u64, StoreError>>;
}

/// A run, and lines of its records.
#[derive(Clone, Debug)]
pub struct RunLines {
    /// The run.
    pub run: RunSummary,
    /// The lines, in their order, without newlines.
    pub lines: Vec<String>,
}

/// The runs to read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// At most this number, the latest first.
    Latest(u32),
    /// The one of this id.
    One(&'a str),
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Its id.
    pub run_id: String,
    /// The id of this call.
    pub write_id: Uuid,
    /// Its first record.
    pub line: String,
    /// Its endpoint.
    pub endpoint: String,
    /// Its project.
    pub project: String,
    /// Its action.
    pub action: String,
    /// The number of its servers.
    pub servers: i32,
    /// The process that begins it.
    pub process: Process,
}

/// The position at which records are written.
#[derive(Clone, Debug)]
pub struct AppendPosition {
    /// The run.
    pub run_id: String,
    /// The epoch that the process has.
    pub epoch: i64,
    /// The number of the first record.
    pub seq: i64,
    /// The id of this call.
    pub write_id: Uuid,
}

/// Records, and what follows from them.
#[derive(Clone, Debug)]
pub struct Append {
    /// The position.
    pub place: AppendPosition,
    /// The records.
    pub lines: Vec<String>,
    /// The effects of the records.
    pub effects: Effects,
}

/// An attempt that asks to be admitted.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The position at which its records are written.
    pub place: AppendPosition,
    /// Its records.
    pub lines: Vec<String>,
    /// Its request, counted from 1.
    pub request: i32,
    /// Its servers.
    pub servers: Vec<ServerId>,
    /// The quota.
    pub limits: QuotaLimits,
    /// The time for which its permit is held without a further record of it.
    pub hold: Duration,
}

/// A takeover.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The run.
    pub run_id: String,
    /// The id of this call.
    pub write_id: Uuid,
    /// The time without a sign of life after which its process counts as dead; `None`: at once.
    pub silent_after: Option<Duration>,
    /// The process that takes it over.
    pub process: Process,
}
