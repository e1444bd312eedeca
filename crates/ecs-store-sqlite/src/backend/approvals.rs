//! Approvals of plans, as rows.

use ecs_ops::store::{Approve, PlanApproval, timestamp};
use rusqlite::{Transaction, params};

/// Keeps an approval, once for each call.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    now: i64,
    approve: &Approve,
) -> rusqlite::Result<()> {
    let process = &approve.process;
    let sql = "INSERT INTO approvals (write_id, plan_hash, username, host, pid, program, signature, approved_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (write_id) DO NOTHING";
    transaction.execute(
        sql,
        params![
            approve.write_id.as_bytes().as_slice(),
            approve.plan_hash,
            process.user,
            process.host,
            process.pid,
            process.program,
            approve.signature,
            now
        ],
    )?;
    Ok(())
}

/// Returns the approvals of a plan, the first one first.
pub(super) fn of(
    transaction: &Transaction<'_>,
    plan_hash: &str,
) -> rusqlite::Result<Vec<PlanApproval>> {
    let sql = "SELECT username, host, pid, program, signature, approved_at FROM approvals \
               WHERE plan_hash = ?1 ORDER BY approved_at, rowid";
    let mut statement = transaction.prepare_cached(sql)?;
    let approvals = statement.query_map([plan_hash], |row| {
        Ok(PlanApproval {
            plan_hash: plan_hash.to_owned(),
            user: row.get(0)?,
            host: row.get(1)?,
            pid: row.get(2)?,
            program: row.get(3)?,
            role: None,
            signature: row.get(4)?,
            approved_at: timestamp(row.get(5)?),
        })
    })?;
    approvals.collect()
}
