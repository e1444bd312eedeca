//! The operations of a store, as transactions.

mod admission;
mod approvals;
mod records;
mod rows;

use std::time::Duration;

use ecs_ops::auth::BoxFuture;
use ecs_ops::journal::HeldServer;
use ecs_ops::model::ServerId;
use ecs_ops::store::{
    Append, Approve, Ask, Backend, Begin, Hints, Holder, PlanApproval, Reply, RunLines, RunSummary,
    StoreError, TakeOver, Which, timestamp,
};
use rusqlite::{OptionalExtension as _, Transaction, params};

use self::records::{append_to, begin_run, take_over};
use self::rows::{Run, summary_of};
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
