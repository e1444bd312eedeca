//! The operations of a store, as transactions.

mod admission;
mod approvals;
mod rows;

use std::time::Duration;

use ecs_ops::auth::BoxFuture;
use ecs_ops::journal::HeldServer;
use ecs_ops::model::ServerId;
use ecs_ops::store::{
    Append, AppendPosition, Approve, Ask, Backend, Begin, Hints, Holder, PlanApproval, Reply,
    RunLines, RunSummary, StoreError, TakeOver, Which, timestamp,
};
use rusqlite::{OptionalExtension as _, Transaction, params};

use self::rows::{Run, run_of, summary_of};
use crate::error::of_sqlite;
use crate::file::File;

/// A file with the tables of the store.
#[derive(Debug)]
pub(crate) struct SqliteBackend {
    pub(crate) file: File,
    pub(crate) retry_limit: Duration,
}

impl SqliteBackend {
    /// A transaction that writes.
    fn write<T: Send + 'static>(
        &self,
        write: impl Fn(&Transaction<'_>, i64) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let write =
            move |transaction: &Transaction<'_>, now| write(transaction, now).map_err(of_sqlite);
        Box::pin(self.file.write(self.retry_limit, write))
    }
}

impl Backend for SqliteBackend {
    fn begin(&self, begin: Begin) -> BoxFuture<'_, Result<Reply, StoreError>> {
        self.write(move |transaction, now| begin_run(transaction, now, &begin))
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Reply, StoreError>> {
        self.write(move |transaction, now| append_to(transaction, now, &append))
    }

    fn announce(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, StoreError>> {
        self.write(move |transaction, now| admission::announce(transaction, now, &ask))
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Reply, StoreError>> {
        self.write(move |transaction, now| take_over(transaction, now, &take))
    }

    fn touch<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, StoreError>> {
        let run_id = run_id.to_owned();
        self.write(move |transaction, now| {
            let sql = "UPDATE runs SET seen_at = ?3 WHERE run_id = ?1 AND epoch = ?2";
            Ok(transaction.execute(sql, params![run_id, epoch, now])? > 0)
        })
    }

    fn release<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        let run_id = run_id.to_owned();
        self.write(move |transaction, now| {
            let sql = "UPDATE runs SET released_at = ?3 WHERE run_id = ?1 AND epoch = ?2";
            if transaction.execute(sql, params![run_id, epoch, now])? > 0 {
                leave_queue(transaction, &run_id)?;
            }
            Ok(())
        })
    }

    fn lines<'a>(
        &'a self,
        run_id: &'a str,
        below: i64,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let run_id = run_id.to_owned();
        Box::pin(self.file.read(move |transaction, _| {
            let sql = "SELECT line FROM records WHERE run_id = ?1 AND seq < ?2 ORDER BY seq";
            let mut statement = transaction.prepare_cached(sql)?;
            let lines = statement.query_map(params![run_id, below], |row| row.get(0))?;
            lines.collect()
        }))
    }

    fn runs<'a>(
        &'a self,
        which: Which<'a>,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Vec<RunSummary>, StoreError>> {
        let (condition, value): (_, rusqlite::types::Value) = match which {
            Which::Latest(limit) => (
                "ORDER BY started_at DESC, rowid DESC LIMIT ?1",
                i64::from(limit).into(),
            ),
            Which::One(run_id) => ("WHERE run_id = ?1", run_id.to_owned().into()),
        };
        Box::pin(self.file.read(move |transaction, now| {
            let sql = format!("SELECT {} FROM runs {condition}", rows::COLUMNS);
            let alive_since = now - microseconds(silent_after);
            let mut statement = transaction.prepare_cached(&sql)?;
            let runs = statement.query_map([value], |row| summary_of(row, alive_since))?;
            runs.collect()
        }))
    }

    fn read_run<'a>(
        &'a self,
        run_id: &'a str,
        from: i64,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Option<RunLines>, StoreError>> {
        let run_id = run_id.to_owned();
        Box::pin(self.file.read(move |transaction, now| {
            let sql = format!("SELECT {} FROM runs WHERE run_id = ?1", rows::COLUMNS);
            let alive_since = now - microseconds(silent_after);
            let mut statement = transaction.prepare_cached(&sql)?;
            let run = statement.query_row([&run_id], |row| summary_of(row, alive_since));
            let Some(run) = run.optional()? else {
                return Ok(None);
            };
            let sql = "SELECT line FROM records WHERE run_id = ?1 AND seq >= ?2 ORDER BY seq";
            let mut statement = transaction.prepare_cached(sql)?;
            let lines = statement.query_map(params![run_id, from], |row| row.get(0))?;
            let lines = lines.collect::<rusqlite::Result<_>>()?;
            Ok(Some(RunLines { run, lines }))
        }))
    }

    fn approve(&self, approve: Approve) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |transaction, now| approvals::insert(transaction, now, &approve))
    }

    fn approvals<'a>(
        &'a self,
        plan_hash: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PlanApproval>, StoreError>> {
        let plan_hash = plan_hash.to_owned();
        let read = move |transaction: &Transaction<'_>, _| approvals::of(transaction, &plan_hash);
        Box::pin(self.file.read(read))
    }

    fn role(&self) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn listen(&self, hints: Hints) -> BoxFuture<'static, ()> {
        let file = self.file.clone();
        Box::pin(async move { file.watch(hints).await })
    }

    fn held<'a>(
        &'a self,
        endpoint: &'a str,
        project: &'a str,
        servers: &'a [ServerId],
    ) -> BoxFuture<'a, Result<Vec<HeldServer>, StoreError>> {
        let (endpoint, project) = (endpoint.to_owned(), project.to_owned());
        let servers = servers.to_vec();
        Box::pin(self.file.read(move |transaction, _| {
            let mut held = Vec::new();
            for id in servers {
                let lease = lease_of(transaction, &endpoint, &project, id)?;
                held.extend(lease.map(|(since, run)| {
                    HeldServer::new(id, run.run_id, run.user, run.host, timestamp(since))
                }));
            }
            held.sort_by_key(|held: &HeldServer| held.id);
            Ok(held)
        }))
    }

    fn prune(&self, older_than: Duration) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.write(move |transaction, now| {
            let sql = "DELETE FROM runs WHERE ended_at < ?1 AND NOT EXISTS \
                       (SELECT 1 FROM shares s WHERE s.run_id = runs.run_id AND s.until > ?2)";
            let ended_before = now.saturating_sub(microseconds(older_than));
            let pruned = transaction.execute(sql, params![ended_before, now])?;
            Ok(u64::try_from(pruned).unwrap_or_default())
        })
    }
}

/// Checks that a process may write its records from its place on; or that this very call wrote them
/// before: [`Reply::Written`]. `Ok`: it may.
fn may_write(
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

fn write_records(
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

fn begin_run(transaction: &Transaction<'_>, now: i64, begin: &Begin) -> rusqlite::Result<Reply> {
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

fn append_to(transaction: &Transaction<'_>, now: i64, append: &Append) -> rusqlite::Result<Reply> {
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

fn take_over(transaction: &Transaction<'_>, now: i64, take: &TakeOver) -> rusqlite::Result<Reply> {
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
        // The commit of an earlier call was unclear.
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

/// Returns the run that acts on a server, and since when.
fn lease_of(
    transaction: &Transaction<'_>,
    endpoint: &str,
    project: &str,
    id: ServerId,
) -> rusqlite::Result<Option<(i64, LeaseHolder)>> {
    let sql = "SELECT l.since, r.run_id, r.username, r.host FROM leases l JOIN runs r ON r.run_id = l.run_id \
               WHERE l.endpoint = ?1 AND l.project = ?2 AND l.server_id = ?3";
    let mut statement = transaction.prepare_cached(sql)?;
    let lease = statement.query_row(
        params![endpoint, project, id.as_bytes().as_slice()],
        |row| {
            let holder = LeaseHolder {
                run_id: row.get(1)?,
                user: row.get(2)?,
                host: row.get(3)?,
            };
            Ok((row.get(0)?, holder))
        },
    );
    lease.optional()
}

/// The run that acts on a server.
struct LeaseHolder {
    run_id: String,
    user: String,
    host: String,
}

fn leave_queue(transaction: &Transaction<'_>, run_id: &str) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM queue WHERE run_id = ?1", [run_id])?;
    Ok(())
}

/// A part of a microsecond counts as a whole one: a share is never given back too early.
fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX / 4)
}

impl Run {
    fn holder(&self) -> Holder {
        Holder {
            user: self.user.clone(),
            host: self.host.clone(),
            pid: self.pid,
            since: self.held_since,
            seen: self.seen_at,
        }
    }
}
