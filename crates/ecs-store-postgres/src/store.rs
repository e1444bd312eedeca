//! The store: runs of many processes in one database.

mod summary;

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::journal::{Contents, HeldServer};
use ecs_ops::model::ServerId;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

pub use summary::{RunState, RunSummary};

use crate::address::StoreAddress;
use crate::connection::{Connection, Params};
use crate::effects::uuid;
use crate::journal::PostgresJournal;
use crate::reply::{Reply, timestamp};
use crate::schema::{self, Use};
use crate::shared::{Process, Shared};
use crate::{StoreError, StoreErrorKind};

/// How a store is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Where it is.
    pub address: StoreAddress,
    /// Who uses it.
    pub process: Process,
    /// How long a store that is away is waited for, at each step of a run, before the run ends.
    /// Default: 10 minutes.
    pub patience: Duration,
    /// After how long without a sign of life of its process a run may be taken over. A process
    /// shows one every 5 s. Default: 30 s.
    pub takeover_after: Duration,
    /// For how long after it was asked for an admission holds: a request whose first byte has not
    /// left by then is announced again. Less than [`takeover_after`](Self::takeover_after), so that
    /// nothing leaves after a takeover of a silent process; more than connecting takes (at most
    /// 10 s). Default: 15 s.
    pub admission_lifetime: Duration,
}

impl StoreOptions {
    /// The defaults.
    pub fn new(address: StoreAddress, process: Process) -> Self {
        Self {
            address,
            process,
            patience: Duration::from_secs(600),
            takeover_after: Duration::from_secs(30),
            admission_lifetime: Duration::from_secs(15),
        }
    }
}

/// When a run may be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// When its process let go of it or shows no sign of life.
    WhenSilent,
    /// At once. Its process, if it is alive, sends nothing more from then on; what it is sending at
    /// that moment is unknown to whoever takes over.
    AtOnce,
}

/// A store in a PostgreSQL database. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct PostgresStore(Arc<Shared>);

/// What [`PostgresStore::check`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreCheck {
    /// The version of the server, such as `15.18`.
    pub server: String,
    /// The version of the tables; 0: none.
    pub schema: i32,
    /// The version that this program writes.
    pub program_schema: i32,
    /// The role.
    pub role: String,
    /// The number of runs.
    pub runs: i64,
}

impl PostgresStore {
    /// Connects, and checks that what is written will be kept and that the tables are of a version
    /// that this program writes.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable), [`Refused`](StoreErrorKind::Refused),
    /// [`Schema`](StoreErrorKind::Schema), [`NotDurable`](StoreErrorKind::NotDurable).
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self::connect(options)?;
        match store.usable().await? {
            Use::Write => {}
            Use::ReadOnly => {
                let message = "the tables of the store were changed by a later program: \
                               this one can list and show runs, but not write: use the later one";
                return Err(StoreError::new(StoreErrorKind::Schema, message));
            }
        }
        store.check_durability().await?;
        Ok(store)
    }

    /// Connects to list and show runs only: also a store whose tables are of a later version.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_read_only(options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self::connect(options)?;
        store.usable().await?;
        Ok(store)
    }

    /// Creates or updates the tables and functions. Needs the right to create a schema in the
    /// database, which running does not. The roles in `grant_to` may use the store from then on.
    /// Returns the versions before and after.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(
        options: StoreOptions,
        grant_to: &[String],
    ) -> Result<(i32, i32), StoreError> {
        let store = Self::connect(options)?;
        schema::migrate(&store.0.connection, grant_to).await
    }

    fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Shared {
            connection: Connection::new(options.address)?,
            process: options.process,
            patience: options.patience,
            takeover_after: options.takeover_after,
            admission_lifetime: options.admission_lifetime,
        })))
    }

    async fn usable(&self) -> Result<Use, StoreError> {
        let installed = schema::installed(&self.0.connection).await?;
        installed.usable_by(schema::VERSION)
    }

    /// A server that may forget what it reported as written keeps no journal.
    async fn check_durability(&self) -> Result<(), StoreError> {
        let settings = "SELECT current_setting('fsync'), current_setting('full_page_writes')";
        let rows = self.0.connection.call(settings, &[]).await?;
        let off = rows.first().and_then(|row| {
            let settings = ["fsync", "full_page_writes"].into_iter().enumerate();
            let mut off = settings.filter(|(index, _)| row.get::<_, &str>(*index) == "off");
            off.next().map(|(_, name)| name)
        });
        match off {
            None => Ok(()),
            Some(setting) => {
                let message = format!(
                    "the server runs with {setting}=off, so that a crash can lose what a run has done: \
                     set it to on"
                );
                Err(StoreError::new(StoreErrorKind::NotDurable, message))
            }
        }
    }

    /// What is there, and whether it can be used.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(options: StoreOptions) -> Result<StoreCheck, StoreError> {
        let store = Self::connect(options)?;
        let connection = &store.0.connection;
        let about = "SELECT current_setting('server_version'), current_user::text";
        let rows = connection.call(about, &[]).await?;
        let (server, role) = rows
            .first()
            .map(|row| (row.get(0), row.get(1)))
            .unwrap_or_default();
        let installed = schema::installed(connection).await?;
        installed.usable_by(schema::VERSION)?;
        store.check_durability().await?;
        let rows = connection
            .call("SELECT count(*) FROM ecsctl.runs", &[])
            .await?;
        // A run that is not there: whether the function may be called.
        let nobody: [(&(dyn ToSql + Sync), Type); 2] = [(&"", Type::TEXT), (&0_i64, Type::INT8)];
        connection
            .call("SELECT ecsctl.touch($1, $2)", &nobody)
            .await?;
        Ok(StoreCheck {
            server,
            schema: installed.version,
            program_schema: schema::VERSION,
            role,
            runs: rows.first().map(|row| row.get(0)).unwrap_or_default(),
        })
    }

    /// The journal of a new run.
    pub fn journal(&self) -> PostgresJournal {
        PostgresJournal::of_new_run(Arc::clone(&self.0))
    }

    /// Takes a run over, to resume it: its journal and its records so far. From then on the process
    /// that had it can write nothing more.
    ///
    /// # Errors
    /// [`NoRun`](StoreErrorKind::NoRun); [`InUse`](StoreErrorKind::InUse): its process is alive, and
    /// the takeover is not to be at once; and as [`open`](Self::open).
    pub async fn resume(
        &self,
        run_id: &str,
        takeover: Takeover,
    ) -> Result<(PostgresJournal, Contents), StoreError> {
        let (write_id, process) = (Uuid::new_v4(), &self.0.process);
        let after = i64::try_from(self.0.takeover_after.as_millis()).unwrap_or(i64::MAX);
        let at_once = takeover == Takeover::AtOnce;
        let reply = self
            .0
            .call(
                "SELECT ecsctl.take_over($1, $2, $3, $4, $5, $6, $7, $8)",
                &[
                    (&run_id, Type::TEXT),
                    (&write_id, Type::UUID),
                    (&after, Type::INT8),
                    (&at_once, Type::BOOL),
                    (&process.user, Type::TEXT),
                    (&process.host, Type::TEXT),
                    (&process.pid, Type::INT4),
                    (&process.program, Type::TEXT),
                ],
            )
            .await?;
        let (epoch, records) = match reply {
            Reply::Taken { epoch, records } => (epoch, records),
            refused => return Err(refused.into_error(run_id)),
        };
        // Those that were there then: yet another process may have taken the run over since, which
        // the next append finds out.
        let contents = self.first_records(run_id, records).await?;
        let found = i64::try_from(contents.entries.len()).unwrap_or(i64::MAX);
        if found != records {
            return Err(Reply::Lost { records: found }.into_error(run_id));
        }
        let shared = Arc::clone(&self.0);
        let journal = PostgresJournal::of_taken_run(shared, run_id, epoch, &contents.entries);
        Ok((journal, contents))
    }

    /// The records of a run, which may go on meanwhile.
    ///
    /// # Errors
    /// [`NoRun`](StoreErrorKind::NoRun), [`Contradiction`](StoreErrorKind::Contradiction): a record
    /// is damaged; and as [`open`](Self::open).
    pub async fn records(&self, run_id: &str) -> Result<Contents, StoreError> {
        self.first_records(run_id, i64::MAX).await
    }

    async fn first_records(&self, run_id: &str, records: i64) -> Result<Contents, StoreError> {
        let sql = "SELECT line FROM ecsctl.records WHERE run_id = $1 AND seq < $2 ORDER BY seq";
        let params: [(&(dyn ToSql + Sync), Type); 2] =
            [(&run_id, Type::TEXT), (&records, Type::INT8)];
        let rows = self.read(sql, &params).await?;
        if rows.is_empty() {
            return Err(Reply::NoRun.into_error(run_id));
        }
        let mut lines = String::new();
        for row in &rows {
            lines.push_str(row.get(0));
            lines.push('\n');
        }
        let contents = Contents::parse(lines.as_bytes());
        let damaged = |message: String| {
            StoreError::new(
                StoreErrorKind::Contradiction,
                format!("the records of run {run_id} in the store: {message}"),
            )
        };
        let contents = contents.map_err(|error| damaged(error.to_string()))?;
        match contents.tail {
            // No crash leaves half a record in a database.
            Some(tail) => Err(damaged(format!("record {} is damaged", tail.line))),
            None => Ok(contents),
        }
    }

    /// The runs, the latest first.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        let (limit, silent) = (i64::from(limit), self.silent_after());
        let sql = format!("{} ORDER BY started_at DESC LIMIT $1", summary::SELECT);
        let params: [(&(dyn ToSql + Sync), Type); 2] =
            [(&limit, Type::INT8), (&silent, Type::FLOAT8)];
        let rows = self.read(&sql, &params).await?;
        Ok(rows.iter().map(RunSummary::of_row).collect())
    }

    /// One run; `None`: there is none of this id.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn run(&self, run_id: &str) -> Result<Option<RunSummary>, StoreError> {
        let silent = self.silent_after();
        let sql = format!("{} WHERE run_id = $1", summary::SELECT);
        let params: [(&(dyn ToSql + Sync), Type); 2] =
            [(&run_id, Type::TEXT), (&silent, Type::FLOAT8)];
        let rows = self.read(&sql, &params).await?;
        Ok(rows.first().map(RunSummary::of_row))
    }

    /// Which of these servers other runs act on at the moment, in a project at an endpoint.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn held(
        &self,
        endpoint: &str,
        project: &str,
        servers: &[ServerId],
    ) -> Result<Vec<HeldServer>, StoreError> {
        let ids: Vec<Uuid> = servers.iter().map(uuid).collect();
        let sql = "SELECT l.server_id, r.run_id, r.username, r.host, ecsctl.microseconds(l.since) \
                   FROM ecsctl.leases l JOIN ecsctl.runs r ON r.run_id = l.run_id \
                   WHERE l.endpoint = $1 AND l.project = $2 AND l.server_id = ANY ($3) ORDER BY l.server_id";
        let rows = self
            .read(
                sql,
                &[
                    (&endpoint, Type::TEXT),
                    (&project, Type::TEXT),
                    (&ids, Type::UUID_ARRAY),
                ],
            )
            .await?;
        let held = rows.iter().map(|row| {
            let id = ServerId::from_bytes(row.get::<_, Uuid>(0).into_bytes());
            let (run_id, user, host): (String, String, String) =
                (row.get(1), row.get(2), row.get(3));
            HeldServer::new(id, run_id, user, host, timestamp(row.get(4)))
        });
        Ok(held.collect())
    }

    /// Deletes runs that ended longer ago than this; returns how many. Needs the rights of the owner
    /// of the tables.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn prune(&self, older_than: Duration) -> Result<u64, StoreError> {
        let older = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
        let sql = "SELECT ecsctl.prune($1)";
        let rows = self.0.connection.call(sql, &[(&older, Type::INT8)]).await?;
        let pruned: i64 = rows.first().map(|row| row.get(0)).unwrap_or_default();
        Ok(u64::try_from(pruned).unwrap_or_default())
    }

    /// After how many seconds without a sign of life a process counts as dead.
    fn silent_after(&self) -> f64 {
        self.0.takeover_after.as_secs_f64()
    }

    async fn read(
        &self,
        sql: &str,
        params: &Params<'_>,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        // Somebody waits for it.
        const PATIENCE: Duration = Duration::from_secs(15);
        self.0.connection.call_within(PATIENCE, sql, params).await
    }
}
