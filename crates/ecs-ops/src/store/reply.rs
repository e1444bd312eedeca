//! Replies of transactions.

use std::time::Duration;

use ecs_model::ServerId;
use jiff::Timestamp;
use serde::Deserialize;

use super::{StoreError, StoreErrorKind};
use crate::journal::HeldServer;

/// A reply. Each method of a [`Backend`](super::Backend) has some of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Reply {
    /// The records are there, by this call or by one of the same id before.
    Written,
    /// The run began before.
    Exists {
        /// The process that has it.
        holder: Holder,
    },
    /// There is no such run.
    NoRun,
    /// Another process has the run.
    Fenced {
        /// The holder.
        holder: Holder,
    },
    /// The store has fewer records than were written.
    Lost {
        /// The number of records.
        records: i64,
    },
    /// The store has other records than were written.
    Conflict {
        /// The number of records that exist.
        records: i64,
    },
    /// Other runs act on these servers.
    Held {
        /// Some of them, at least one.
        servers: Vec<Held>,
    },
    /// The quota has no room.
    Full {
        /// The records of this call were written before.
        written: bool,
        /// The time until there is room, if known.
        retry_after_ms: Option<u64>,
    },
    /// The run was taken over.
    Taken {
        /// Its epoch from now on.
        epoch: i64,
        /// The number of its records.
        records: i64,
    },
    /// Its process is alive.
    InUse {
        /// The holder.
        holder: Holder,
        /// The time after which it counts as dead without a sign of life.
        free_in_ms: u64,
    },
}

/// The process that has a run. Times in microseconds since 1970.
#[derive(Clone, Debug, Deserialize)]
pub struct Holder {
    /// The user.
    pub user: String,
    /// The host.
    pub host: String,
    /// The process.
    pub pid: i64,
    /// The time since which it has the run.
    pub since: i64,
    /// Its last sign of life.
    pub seen: i64,
}

/// A server, and the run that acts on it.
#[derive(Clone, Debug, Deserialize)]
pub struct Held {
    /// The server.
    pub id: ServerId,
    /// The run.
    pub run_id: String,
    /// Its user.
    pub user: String,
    /// Its host.
    pub host: String,
    /// The time since which it holds the server, in microseconds since 1970.
    pub since: i64,
}

impl Held {
    /// Converts it to the form that a run gets.
    pub fn server(self) -> HeldServer {
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
pub fn timestamp(microseconds: i64) -> Timestamp {
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
    /// Reads it from JSON, as functions in a database reply.
    ///
    /// # Errors
    /// [`Schema`](StoreErrorKind::Schema): it is not understood.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| {
            let message = "the reply of the store is not understood: it may be of another version";
            StoreError::new(StoreErrorKind::Schema, message).with_source(error)
        })
    }

    /// The error that it is, of a run.
    pub fn into_error(self, run_id: &str) -> StoreError {
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
                         in {wait} s if it shows no sign of life until then, or at once if that is asked for"
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
                format!("the store has no run {run_id}"),
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
                format!(
                    "the store sent an unexpected reply about run {run_id} ({self:?}): its tables may be of another version than this program"
                ),
            ),
        };
        StoreError::new(kind, message)
    }
}
