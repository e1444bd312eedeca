//! The summary of a run.

use ecs_ops::store::{RunStatus, RunSummary, timestamp};
use tokio_postgres::Row;

/// The columns that are read of runs; a process is silent after `$2` seconds.
pub(super) const COLUMNS: &str = "\
    run_id, endpoint, project, action, servers, username, host, pid, program, epoch, next_seq, \
        ecsctl.microseconds(started_at), ecsctl.microseconds(seen_at), ecsctl.microseconds(ended_at), \
        CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN released_at IS NOT NULL THEN 'released' \
            WHEN seen_at > clock_timestamp() - $2 * interval '1 second' THEN 'running' ELSE 'silent' END";

/// The number of these columns.
pub(super) const COUNT: usize = 15;

/// A run of a row.
pub(super) fn of_row(row: &Row) -> RunSummary {
    RunSummary {
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
            "ended" => RunStatus::Ended,
            "released" => RunStatus::Released,
            "running" => RunStatus::Running,
            _ => RunStatus::Silent,
        },
    }
}
