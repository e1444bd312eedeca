//! The transactions that write records: the beginning of a run, its records, and a takeover.

use ecs_ops::store::{Append, AppendPosition, Begin, Reply, TakeOver};
use rusqlite::{Transaction, params};

use super::rows::{Run, run_of};
use super::{leave_queue, microseconds};

/// Checks that a process may write its records from its place on; or that this very call wrote them
/// before: [`Reply::Written`]. `Ok`: it may.
pub(super) fn may_write(
    transaction: &Transaction<'_>,
    run: Option<Run>,
    place: &AppendPosition,
) -> rusqlite::Result<Result<Run, Reply>> {
    let Some(run) = run else {
        return Ok(Err(Reply::NoRun));
    };
    if run.epoch != place.epoch {
        let holder = run.holder();
        return Ok(Err(Reply::Fenced { holder }));
    }
    let records = run.next_seq;
    if records == place.seq {
        return Ok(Ok(run));
    }
    if records < place.seq {
        return Ok(Err(Reply::Lost { records }));
    }
    let sql = "SELECT count(*) FROM records WHERE run_id = ?1 AND seq = ?2 AND epoch = ?3 AND write_id = ?4";
    let write_id = place.write_id.as_bytes().as_slice();
    let found: i64 = transaction.query_row(
        sql,
        params![place.run_id, place.seq, place.epoch, write_id],
        |row| row.get(0),
    )?;
    Ok(Err(match found {
        0 => Reply::Conflict { records },
        _ => Reply::Written,
    }))
}

pub(super) fn write_records(
    transaction: &Transaction<'_>,
    now: i64,
    place: &AppendPosition,
    lines: &[String],
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO records (run_id, seq, epoch, write_id, written_at, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = transaction.prepare_cached(sql)?;
    let mut next = place.seq;
    for line in lines {
        let write_id = place.write_id.as_bytes().as_slice();
        insert.execute(params![
            place.run_id,
            next,
            place.epoch,
            write_id,
            now,
            line
        ])?;
        next += 1;
    }
    let sql = "UPDATE runs SET next_seq = ?2, seen_at = ?3 WHERE run_id = ?1";
    transaction.execute(sql, params![place.run_id, next, now])?;
    Ok(())
}

pub(super) fn begin_run(
    transaction: &Transaction<'_>,
    now: i64,
    begin: &Begin,
) -> rusqlite::Result<Reply> {
    let place = AppendPosition {
        run_id: begin.run_id.clone(),
        epoch: 1,
        seq: 0,
        write_id: begin.write_id,
    };
    if let Some(run) = run_of(transaction, &begin.run_id)? {
        let holder = run.holder();
        return Ok(match may_write(transaction, Some(run), &place)? {
            Err(Reply::Written) => Reply::Written,
            _ => Reply::Exists { holder },
        });
    }
    let process = &begin.process;
    transaction.execute(
        "INSERT INTO runs (run_id, endpoint, project, action, servers, started_at, username, host, pid, program, held_since, seen_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?6, ?6)",
        params![
            begin.run_id, begin.endpoint, begin.project, begin.action, begin.servers, now,
            process.user, process.host, process.pid, process.program
        ],
    )?;
    insert_epoch(
        transaction,
        now,
        (&begin.run_id, 1, begin.write_id.as_bytes()),
        process,
    )?;
    write_records(transaction, now, &place, std::slice::from_ref(&begin.line))?;
    Ok(Reply::Written)
}

fn insert_epoch(
    transaction: &Transaction<'_>,
    now: i64,
    (run_id, epoch, write_id): (&str, i64, &[u8; 16]),
    process: &ecs_ops::store::Process,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO epochs (run_id, epoch, write_id, username, host, pid, program, began_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            run_id,
            epoch,
            write_id.as_slice(),
            process.user,
            process.host,
            process.pid,
            process.program,
            now
        ],
    )?;
    Ok(())
}

pub(super) fn append_to(
    transaction: &Transaction<'_>,
    now: i64,
    append: &Append,
) -> rusqlite::Result<Reply> {
    let (place, effects) = (&append.place, &append.effects);
    let run_id = &place.run_id;
    let run = run_of(transaction, run_id)?;
    if let Err(refused) = may_write(transaction, run, place)? {
        return Ok(refused);
    }
    write_records(transaction, now, place, &append.lines)?;
    for request in &effects.answered {
        let sql = "UPDATE shares SET until = ?3 + time_span, answered = 1 WHERE run_id = ?1 AND request = ?2";
        transaction.execute(sql, params![run_id, request, now])?;
    }
    for request in &effects.freed {
        let sql = "DELETE FROM shares WHERE run_id = ?1 AND request = ?2";
        transaction.execute(sql, params![run_id, request])?;
    }
    for request in &effects.over {
        let sql = "DELETE FROM leases WHERE run_id = ?1 AND request = ?2";
        transaction.execute(sql, params![run_id, request])?;
    }
    if !effects.released.is_empty() {
        let sql = "DELETE FROM leases WHERE endpoint = (SELECT endpoint FROM runs WHERE run_id = ?1) \
                   AND project = (SELECT project FROM runs WHERE run_id = ?1) AND server_id = ?2 AND run_id = ?1";
        let mut release = transaction.prepare_cached(sql)?;
        for id in &effects.released {
            release.execute(params![run_id, id.as_bytes().as_slice()])?;
        }
    }
    if effects.ended {
        transaction.execute("DELETE FROM leases WHERE run_id = ?1", [run_id])?;
        leave_queue(transaction, run_id)?;
        let sql = "UPDATE runs SET ended_at = ?2, released_at = ?2 WHERE run_id = ?1";
        transaction.execute(sql, params![run_id, now])?;
    }
    Ok(Reply::Written)
}

pub(super) fn take_over(
    transaction: &Transaction<'_>,
    now: i64,
    take: &TakeOver,
) -> rusqlite::Result<Reply> {
    let Some(run) = run_of(transaction, &take.run_id)? else {
        return Ok(Reply::NoRun);
    };
    let write_id = take.write_id.as_bytes();
    let sql = "SELECT count(*) FROM epochs WHERE run_id = ?1 AND epoch = ?2 AND write_id = ?3";
    let by_this_call: i64 = transaction.query_row(
        sql,
        params![take.run_id, run.epoch, write_id.as_slice()],
        |row| row.get(0),
    )?;
    let records = run.next_seq;
    if by_this_call > 0 {
        // The commit of an earlier call was unknown.
        let epoch = run.epoch;
        return Ok(Reply::Taken { epoch, records });
    }
    if let Some(silent_after) = take.silent_after
        && !run.is_released
    {
        let left = run.seen_at + microseconds(silent_after) - now;
        if left > 0 {
            return Ok(Reply::InUse {
                holder: run.holder(),
                free_in_ms: u64::try_from(left).unwrap_or_default().div_ceil(1000),
            });
        }
    }
    let (epoch, process) = (run.epoch + 1, &take.process);
    insert_epoch(transaction, now, (&take.run_id, epoch, write_id), process)?;
    transaction.execute(
        "UPDATE runs SET epoch = ?2, username = ?3, host = ?4, pid = ?5, program = ?6, held_since = ?7, seen_at = ?7, \
         released_at = NULL, ended_at = NULL WHERE run_id = ?1",
        params![
            take.run_id,
            epoch,
            process.user,
            process.host,
            process.pid,
            process.program,
            now
        ],
    )?;
    Ok(Reply::Taken { epoch, records })
}
