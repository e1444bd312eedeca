//! Rows about runs.

use ecs_ops::store::{RunStatus, RunSummary, timestamp};
use rusqlite::{OptionalExtension as _, Row, Transaction};

/// A run, as a transaction that writes reads it.
pub(super) struct Run {
    pub(super) endpoint: String,
    pub(super) project: String,
    pub(super) epoch: i64,
    pub(super) next_seq: i64,
    pub(super) user: String,
    pub(super) host: String,
    pub(super) pid: i64,
    pub(super) held_since: i64,
    pub(super) seen_at: i64,
    pub(super) is_released: bool,
}

pub(super) fn run_of(transaction: &Transaction<'_>, run_id: &str) -> rusqlite::Result<Option<Run>> {
    let sql = "SELECT endpoint, project, epoch, next_seq, username, host, pid, held_since, seen_at, \
               released_at IS NOT NULL FROM runs WHERE run_id = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let run = statement.query_row([run_id], |row| {
        Ok(Run {
            endpoint: row.get(0)?,
            project: row.get(1)?,
            epoch: row.get(2)?,
            next_seq: row.get(3)?,
            user: row.get(4)?,
            host: row.get(5)?,
            pid: row.get(6)?,
            held_since: row.get(7)?,
            seen_at: row.get(8)?,
            is_released: row.get(9)?,
        })
    });
    run.optional()
}

/// The columns that are read of runs for people.
pub(super) const COLUMNS: &str = "run_id, endpoint, project, action, servers, username, host, pid, program, epoch, next_seq, \
                                  started_at, seen_at, ended_at, released_at IS NOT NULL";

/// A run of a row. A process that was not seen since then counts as silent.
pub(super) fn summary_of(row: &Row<'_>, alive_since: i64) -> rusqlite::Result<RunSummary> {
    let (seen_at, ended_at): (i64, Option<i64>) = (row.get(12)?, row.get(13)?);
    let is_released: bool = row.get(14)?;
    Ok(RunSummary {
        run_id: row.get(0)?,
        endpoint: row.get(1)?,
        project_id: row.get(2)?,
        action: row.get(3)?,
        servers: row.get(4)?,
        user: row.get(5)?,
        host: row.get(6)?,
        pid: row.get(7)?,
        program: row.get(8)?,
        epoch: row.get(9)?,
        records: row.get(10)?,
        started_at: timestamp(row.get(11)?),
        seen_at: timestamp(seen_at),
        ended_at: ended_at.map(timestamp),
        state: if ended_at.is_some() {
            RunStatus::Ended
        } else if is_released {
            RunStatus::Released
        } else if seen_at > alive_since {
            RunStatus::Running
        } else {
            RunStatus::Silent
        },
    })
}
