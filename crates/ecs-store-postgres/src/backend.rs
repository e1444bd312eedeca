//! The functions of the schema, as calls.

mod summary;

use std::time::Duration;

use ecs_ops::auth::BoxFuture;
use ecs_ops::journal::HeldServer;
use ecs_ops::model::ServerId;
use ecs_ops::store::{
    Append, Approve, Ask, Backend, Begin, Hints, PlanApproval, Reply, RunLines, RunSummary,
    StoreError, TakeOver, Which, timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::connection::{Connection, Params};
use crate::listener;

/// The longest wait of a reader for the server.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// A database with the tables of the store.
#[derive(Debug)]
pub(crate) struct PostgresBackend {
    pub(crate) connection: Connection,
    pub(crate) retry_limit: Duration,
}

impl PostgresBackend {
    /// Calls a function of the schema, until there is a reply.
    async fn call(&self, sql: &str, params: &Params<'_>) -> Result<Reply, StoreError> {
        let rows = self.connection.call_within(self.retry_limit, sql, params);
        let rows = rows.await?;
        let text: &str = rows.first().map(|row| row.get(0)).unwrap_or_default();
        Reply::parse(text)
    }

    async fn read(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, StoreError> {
        self.connection.call_within(READ_LIMIT, sql, params).await
    }
}

impl Backend for PostgresBackend {
    fn begin(&self, begin: Begin) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move {
            self.call(
                "SELECT ecsctl.begin_run($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                &[
                    (&begin.run_id, Type::TEXT),
                    (&begin.write_id, Type::UUID),
                    (&begin.line, Type::TEXT),
                    (&begin.endpoint, Type::TEXT),
                    (&begin.project, Type::TEXT),
                    (&begin.action, Type::TEXT),
                    (&begin.servers, Type::INT4),
                    (&begin.process.user, Type::TEXT),
                    (&begin.process.host, Type::TEXT),
                    (&begin.process.pid, Type::INT4),
                    (&begin.process.program, Type::TEXT),
                ],
            )
            .await
        })
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move {
            let (place, effects) = (append.place, append.effects);
            let released = uuids(&effects.released);
            self.call(
                "SELECT ecsctl.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                &[
                    (&place.run_id, Type::TEXT),
                    (&place.epoch, Type::INT8),
                    (&place.seq, Type::INT8),
                    (&place.write_id, Type::UUID),
                    (&append.lines, Type::TEXT_ARRAY),
                    (&effects.answered, Type::INT4_ARRAY),
                    (&effects.freed, Type::INT4_ARRAY),
                    (&effects.over, Type::INT4_ARRAY),
                    (&released, Type::UUID_ARRAY),
                    (&effects.ended, Type::BOOL),
                ],
            )
            .await
        })
    }

    fn announce(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move {
            let (place, servers) = (ask.place, uuids(&ask.servers));
            let limit = i32::try_from(ask.limits.servers).unwrap_or(i32::MAX);
            let (window, hold) = (milliseconds(ask.limits.window), milliseconds(ask.hold));
            self.call(
                "SELECT ecsctl.announce($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                &[
                    (&place.run_id, Type::TEXT),
                    (&place.epoch, Type::INT8),
                    (&place.seq, Type::INT8),
                    (&place.write_id, Type::UUID),
                    (&ask.lines, Type::TEXT_ARRAY),
                    (&ask.request, Type::INT4),
                    (&servers, Type::UUID_ARRAY),
                    (&limit, Type::INT4),
                    (&window, Type::INT8),
                    (&hold, Type::INT8),
                ],
            )
            .await
        })
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Reply, StoreError>> {
        Box::pin(async move {
            let at_once = take.silent_after.is_none();
            let after = milliseconds(take.silent_after.unwrap_or_default());
            self.call(
                "SELECT ecsctl.take_over($1, $2, $3, $4, $5, $6, $7, $8)",
                &[
                    (&take.run_id, Type::TEXT),
                    (&take.write_id, Type::UUID),
                    (&after, Type::INT8),
                    (&at_once, Type::BOOL),
                    (&take.process.user, Type::TEXT),
                    (&take.process.host, Type::TEXT),
                    (&take.process.pid, Type::INT4),
                    (&take.process.program, Type::TEXT),
                ],
            )
            .await
        })
    }

    fn touch<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let params: [(&(dyn ToSql + Sync), Type); 2] =
                [(&run_id, Type::TEXT), (&epoch, Type::INT8)];
            let touched = self
                .connection
                .call("SELECT ecsctl.touch($1, $2)", &params)
                .await?;
            Ok(touched.first().is_some_and(|row| row.get(0)))
        })
    }

    fn release<'a>(&'a self, run_id: &'a str, epoch: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let params: [(&(dyn ToSql + Sync), Type); 2] =
                [(&run_id, Type::TEXT), (&epoch, Type::INT8)];
            let released = self
                .connection
                .call("SELECT ecsctl.release($1, $2)", &params);
            released.await.map(drop)
        })
    }

    fn lines<'a>(
        &'a self,
        run_id: &'a str,
        below: i64,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            let sql = "SELECT line FROM ecsctl.records WHERE run_id = $1 AND seq < $2 ORDER BY seq";
            let params: [(&(dyn ToSql + Sync), Type); 2] =
                [(&run_id, Type::TEXT), (&below, Type::INT8)];
            let rows = self.read(sql, &params).await?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        })
    }

    fn runs<'a>(
        &'a self,
        which: Which<'a>,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Vec<RunSummary>, StoreError>> {
        Box::pin(async move {
            let silent = silent_after.as_secs_f64();
            let (condition, limit, run_id) = match which {
                Which::Latest(limit) => ("ORDER BY started_at DESC LIMIT $1", i64::from(limit), ""),
                Which::One(run_id) => ("WHERE run_id = $3 LIMIT $1", 1, run_id),
            };
            let sql = format!("SELECT {} FROM ecsctl.runs {condition}", summary::COLUMNS);
            let params: [(&(dyn ToSql + Sync), Type); 3] = [
                (&limit, Type::INT8),
                (&silent, Type::FLOAT8),
                (&run_id, Type::TEXT),
            ];
            let rows = self.read(&sql, &params).await?;
            Ok(rows.iter().map(summary::of_row).collect())
        })
    }

    fn read_run<'a>(
        &'a self,
        run_id: &'a str,
        from: i64,
        silent_after: Duration,
    ) -> BoxFuture<'a, Result<Option<RunLines>, StoreError>> {
        Box::pin(async move {
            let silent = silent_after.as_secs_f64();
            // A statement sees one moment.
            let sql = format!(
                "SELECT {}, ARRAY(SELECT line FROM ecsctl.records WHERE run_id = $1 AND seq >= $3 ORDER BY seq) \
                 FROM ecsctl.runs WHERE run_id = $1",
                summary::COLUMNS
            );
            let params: [(&(dyn ToSql + Sync), Type); 3] = [
                (&run_id, Type::TEXT),
                (&silent, Type::FLOAT8),
                (&from, Type::INT8),
            ];
            let rows = self.connection.call(&sql, &params).await?;
            let found = rows.first();
            Ok(found.map(|row| RunLines {
                run: summary::of_row(row),
                lines: row.get(summary::COUNT),
            }))
        })
    }

    fn approve(&self, approve: Approve) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let process = &approve.process;
            self.read(
                "SELECT ecsctl.approve_plan($1, $2, $3, $4, $5, $6, $7)",
                &[
                    (&approve.plan_hash, Type::TEXT),
                    (&approve.write_id, Type::UUID),
                    (&process.user, Type::TEXT),
                    (&process.host, Type::TEXT),
                    (&process.pid, Type::INT4),
                    (&process.program, Type::TEXT),
                    (&approve.signature, Type::TEXT),
                ],
            )
            .await
            .map(drop)
        })
    }

    fn approvals<'a>(
        &'a self,
        plan_hash: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PlanApproval>, StoreError>> {
        Box::pin(async move {
            let sql = "SELECT username, host, pid, program, db_user, signature, ecsctl.microseconds(approved_at) \
                       FROM ecsctl.approvals WHERE plan_hash = $1 ORDER BY approved_at";
            let rows = self.read(sql, &[(&plan_hash, Type::TEXT)]).await?;
            let approvals = rows.iter().map(|row| PlanApproval {
                plan_hash: plan_hash.to_owned(),
                user: row.get(0),
                host: row.get(1),
                pid: row.get(2),
                program: row.get(3),
                role: Some(row.get(4)),
                signature: row.get(5),
                approved_at: timestamp(row.get(6)),
            });
            Ok(approvals.collect())
        })
    }

    fn role(&self) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let rows = self.read("SELECT session_user::text", &[]).await?;
            Ok(rows.first().map(|row| row.get(0)))
        })
    }

    fn listen(&self, hints: Hints) -> BoxFuture<'static, ()> {
        let (address, tls) = self.connection.way();
        Box::pin(async move { listener::listen(address, tls, hints).await })
    }

    fn held<'a>(
        &'a self,
        endpoint: &'a str,
        project: &'a str,
        servers: &'a [ServerId],
    ) -> BoxFuture<'a, Result<Vec<HeldServer>, StoreError>> {
        Box::pin(async move {
            let ids = uuids(servers);
            let sql = "SELECT l.server_id, r.run_id, r.username, r.host, ecsctl.microseconds(l.since) \
                       FROM unnest($3::uuid[]) AS s (id) CROSS JOIN LATERAL ( \
                           SELECT * FROM ecsctl.leases WHERE endpoint = $1 AND project = $2 AND server_id = s.id LIMIT 1) l \
                       JOIN ecsctl.runs r ON r.run_id = l.run_id ORDER BY l.server_id";
            let params: [(&(dyn ToSql + Sync), Type); 3] = [
                (&endpoint, Type::TEXT),
                (&project, Type::TEXT),
                (&ids, Type::UUID_ARRAY),
            ];
            let rows = self.read(sql, &params).await?;
            let held = rows.iter().map(|row| {
                let id = ServerId::from_bytes(row.get::<_, Uuid>(0).into_bytes());
                let (run_id, user, host): (String, String, String) =
                    (row.get(1), row.get(2), row.get(3));
                HeldServer::new(id, run_id, user, host, timestamp(row.get(4)))
            });
            Ok(held.collect())
        })
    }

    fn prune(&self, older_than: Duration) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let older = milliseconds(older_than);
            let sql = "SELECT ecsctl.prune($1)";
            let rows = self.connection.call(sql, &[(&older, Type::INT8)]).await?;
            let pruned: i64 = rows.first().map(|row| row.get(0)).unwrap_or_default();
            Ok(u64::try_from(pruned).unwrap_or_default())
        })
    }
}

/// Ids of servers, as the tables have them.
fn uuids(servers: &[ServerId]) -> Vec<Uuid> {
    let uuid = |id: &ServerId| Uuid::from_bytes(*id.as_bytes());
    servers.iter().map(uuid).collect()
}

fn milliseconds(duration: Duration) -> i64 {
    // A part of a millisecond counts as a whole one: a share is never given back too early.
    i64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
}
