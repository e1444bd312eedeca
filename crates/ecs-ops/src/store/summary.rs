//! The summary of a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The present state of a run, as its process showed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has ended with a report.
    Ended,
    /// Its process released it before its end: it can be resumed.
    Released,
    /// Its process is alive.
    Running,
    /// Its process shows no sign of life: the run can be taken over.
    Silent,
}

impl RunStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Released => "released",
            Self::Running => "running",
            Self::Silent => "silent",
        }
    }
}

/// A run in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its id.
    pub run_id: String,
    /// The state of its process.
    pub state: RunStatus,
    /// The endpoint.
    pub endpoint: String,
    /// The project.
    pub project_id: String,
    /// The action, such as `reboot`.
    pub action: String,
    /// The number of its servers.
    pub servers: i32,
    /// The user who has it.
    pub user: String,
    /// The host where it runs.
    pub host: String,
    /// The process.
    pub pid: i32,
    /// The program.
    pub program: String,
    /// The number of the process that has it, counted from 1 and raised by each takeover.
    pub epoch: i64,
    /// The number of its records.
    pub records: i64,
    /// The time at which it began, by the clock of the store.
    pub started_at: Timestamp,
    /// The last sign of life of its process, by the clock of the store.
    pub seen_at: Timestamp,
    /// The time at which it ended, by the clock of the store.
    pub ended_at: Option<Timestamp>,
}
