//! One line about a run.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;

use crate::reply::timestamp;

/// What is read of runs; a process is silent after `$2` seconds.
pub(super) const SELECT: &str = "\
    SELECT run_id, endpoint, project, action, servers, username, host, pid, program, epoch, next_seq, \
        ecsctl.microseconds(started_at), ecsctl.microseconds(seen_at), ecsctl.microseconds(ended_at), \
        CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN released_at IS NOT NULL THEN 'released' \
            WHEN seen_at > clock_timestamp() - $2 * interval '1 second' THEN 'running' ELSE 'silent' END \
    FROM ecsctl.runs";

/// What a run does at the moment, as its process showed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It has ended with a report.
    Ended,
    /// Its process let go of it before its end: it can be resumed.
    Released,
    /// Its process is alive.
    Running,
    /// Its process shows no sign of life: the run can be taken over.
    Silent,
}

impl RunState {
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
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// Its id.
    pub run_id: String,
    /// What its process does.
    pub state: RunState,
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
    /// How often it was taken over, counted from 1.
    pub epoch: i64,
    /// The number of its records.
    pub records: i64,
    /// When it began, by the clock of the store.
    pub started_at: Timestamp,
    /// The last sign of life of its process, by the clock of the store.
    pub seen_at: Timestamp,
    /// When it ended, by the clock of the store.
    pub ended_at: Option<Timestamp>,
}

impl RunSummary {
    pub(super) fn of_row(row: &Row) -> Self {
        Self {
            run_id: row.get(0),
            endpoint: row.get(1),
            project_id: row.get(2),
            action: row.get(3),
            servers: row.get(4),
            user: row.get(5),
            host: row.get(6),
            pid: row.get(7),
            program: row.get(8),
            epoch: row.get(9),
            records: row.get(10),
            started_at: timestamp(row.get(11)),
            seen_at: timestamp(row.get(12)),
            ended_at: row.get::<_, Option<i64>>(13).map(timestamp),
            state: match row.get(14) {
                "ended" => RunState::Ended,
                "released" => RunState::Released,
                "running" => RunState::Running,
                _ => RunState::Silent,
            },
        }
    }
}
