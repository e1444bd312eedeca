//! Announcing an attempt, in a journal that may be shared.

use std::time::Duration;

use ecs_model::ServerId;
use jiff::Timestamp;

use super::record::Record;

/// An attempt that is going to be sent, for [`Journal::announce`](super::Journal::announce).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Announcement {
    /// The time of its records, by the local clock.
    pub at: Timestamp,
    /// The request, counted from 1.
    pub request: usize,
    /// Its servers.
    pub servers: Vec<ServerId>,
    /// The records that the journal must hold before the first byte, in this order.
    pub records: Vec<Record>,
    /// The number of servers that may be sent.
    pub limits: QuotaLimits,
}

impl Announcement {
    /// An announcement of these records, which are those of this request.
    pub fn new(
        at: Timestamp,
        request: usize,
        servers: Vec<ServerId>,
        records: Vec<Record>,
        limits: QuotaLimits,
    ) -> Self {
        Self {
            at,
            request,
            servers,
            records,
            limits,
        }
    }
}

/// The quota of servers, as the client of the run has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaLimits {
    /// The most servers in any window.
    pub servers: usize,
    /// The window. The share of a request is held until a whole window after its answer.
    pub window: Duration,
    /// The longest wait for an answer: a request without one counts at the latest then.
    pub attempt_timeout: Duration,
}

impl QuotaLimits {
    /// At most `servers` in any `window`; an answer is awaited for `attempt_timeout`.
    pub fn new(servers: usize, window: Duration, attempt_timeout: Duration) -> Self {
        Self {
            servers,
            window,
            attempt_timeout,
        }
    }
}

/// The permission to send an announced attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Its records are durable: it may be sent.
    Admitted,
    /// Nothing was written: all processes together have used the quota. Ask again after this time.
    QuotaFull {
        /// The time until the next try.
        retry_after: Duration,
    },
    /// Nothing was written: other runs act on some of its servers. Ask again after this time.
    ServersHeld {
        /// Some of these servers, at least one.
        servers: Vec<HeldServer>,
        /// The time until the next try.
        retry_after: Duration,
    },
}

/// A server that another run acts on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct HeldServer {
    /// The server.
    pub id: ServerId,
    /// The run that acts on it.
    pub run_id: String,
    /// The user who runs it, for people.
    pub user: String,
    /// The host where it runs, for people.
    pub host: String,
    /// The time since which it acts on the server, by the clock of the store.
    pub since: Timestamp,
}

impl HeldServer {
    /// A server that this run holds.
    pub fn new(
        id: ServerId,
        run_id: impl Into<String>,
        user: impl Into<String>,
        host: impl Into<String>,
        since: Timestamp,
    ) -> Self {
        Self {
            id,
            run_id: run_id.into(),
            user: user.into(),
            host: host.into(),
            since,
        }
    }
}

impl std::fmt::Display for HeldServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            id,
            run_id,
            user,
            host,
            since,
        } = self;
        write!(
            f,
            "server {id} is held by run {run_id} of {user} on {host} since {since:.0}"
        )
    }
}
