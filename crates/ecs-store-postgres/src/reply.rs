//! What the functions of the schema reply.

use std::time::Duration;

use ecs_ops::journal::HeldServer;
use ecs_ops::model::ServerId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{StoreError, StoreErrorKind};

/// A reply. Each function has some of them.
#[derive(Debug, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The records are there, by this call or by one of the same id before.
    Written,
    /// The run began before.
    Exists { holder: Holder },
    /// There is no such run.
    NoRun,
    /// Another process has the run.
    Fenced { holder: Holder },
    /// The store has fewer records than were written.
    Lost { records: i64 },
    /// The store has other records than were written.
    Conflict { records: i64 },
    /// Other runs act on these servers.
    Held { servers: Vec<Held> },
    /// The quota has no room. `written`: the records of this call were written before.
    Full {
        written: bool,
        retry_after_ms: Option<u64>,
    },
    /// The run was taken over.
    Taken { epoch: i64, records: i64 },
    /// Its process is alive.
    InUse { holder: Holder, free_in_ms: u64 },
}

/// The process that has a run. Times in microseconds since 1970.
#[derive(Debug, Deserialize)]
pub(crate) struct Holder {
    user: String,
    host: String,
    pid: i64,
    since: i64,
    seen: i64,
}

/// A server, and the run that acts on it.
#[derive(Debug, Deserialize)]
pub(crate) struct Held {
    id: ServerId,
    run_id: String,
    user: String,
    host: String,
    since: i64,
}

impl Held {
    pub(crate) fn server(self) -> HeldServer {
        HeldServer::new(
            self.id,
            self.run_id,
            self.user,
            self.host,
            timestamp(self.since),
        )
    }
}

/// A time that the store gave in microseconds.
pub(crate) fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

impl Holder {
    fn describe(&self) -> String {
        let Self {
            user, host, pid, ..
        } = self;
        let (since, seen) = (timestamp(self.since), timestamp(self.seen));
        format!("{user} on {host} (process {pid}) since {since:.0}, last seen {seen:.0}")
    }
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| {
            let message = "the reply of the store is not understood: run `ecsctl store check`";
            StoreError::new(StoreErrorKind::Schema, message).with_source(error)
        })
    }

    /// The error that a reply is, of a run.
    pub(crate) fn into_error(self, run_id: &str) -> StoreError {
        let (kind, message) = match self {
            Self::Fenced { holder } => (
                StoreErrorKind::Fenced,
                format!(
                    "run {run_id} was taken over by {}: this process writes and sends nothing more",
                    holder.describe()
                ),
            ),
            Self::InUse { holder, free_in_ms } => {
                let wait = Duration::from_millis(free_in_ms).as_secs() + 1;
                let holder = holder.describe();
                (
                    StoreErrorKind::InUse,
                    format!(
                        "run {run_id} is in use by {holder}: wait for its end, or take it over: \
                         in {wait} s if it shows no sign of life until then, or at once with --take-over"
                    ),
                )
            }
            Self::Exists { holder } => (
                StoreErrorKind::InUse,
                format!(
                    "the store already has a run {run_id}, of {}: resume that one, or give the new one another id",
                    holder.describe()
                ),
            ),
            Self::NoRun => (
                StoreErrorKind::NoRun,
                format!("the store has no run {run_id}: `ecsctl run list --store` lists the runs"),
            ),
            Self::Lost { records } => (
                StoreErrorKind::Contradiction,
                format!(
                    "the store has lost records of run {run_id} (it has {records}): \
                     it was set back to an earlier state, as by a failover without synchronous replication"
                ),
            ),
            Self::Conflict { records } => (
                StoreErrorKind::Contradiction,
                format!(
                    "the store has other records of run {run_id} than this process wrote ({records} in all)"
                ),
            ),
            Self::Written | Self::Held { .. } | Self::Full { .. } | Self::Taken { .. } => (
                StoreErrorKind::Other,
                format!("the reply of the store about run {run_id} does not fit: {self:?}"),
            ),
        };
        StoreError::new(kind, message)
    }
}
