//! The store: runs of many processes in one database.

use std::ops::Deref;
use std::time::Duration;

use ecs_ops::store::{Process, Store, StoreError, StoreErrorKind, StoreTimes};
use tokio_postgres::types::{ToSql, Type};

use crate::address::StoreAddress;
use crate::backend::PostgresBackend;
use crate::connection::Connection;
use crate::schema;

/// The options of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreOptions {
    /// The address.
    pub address: StoreAddress,
    /// The process that uses it.
    pub process: Process,
    /// The longest wait for an unavailable store, at each step of a run, before the run ends.
    /// Default: 10 minutes.
    pub retry_limit: Duration,
    /// Time limits.
    pub times: StoreTimes,
}

impl StoreOptions {
    /// The defaults.
    pub fn new(address: StoreAddress, process: Process) -> Self {
        Self {
            address,
            process,
            retry_limit: Duration::from_secs(600),
            times: StoreTimes::default(),
        }
    }
}

/// A store in a PostgreSQL database. Cheap to clone; clones share the connection. What it does is
/// that of a [`Store`].
#[derive(Clone, Debug)]
pub struct PostgresStore(Store);

/// The result of [`PostgresStore::check`].
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
        let connection = Connection::new(options.address.clone())?;
        check_schema(&connection, true).await?;
        check_durability(&connection).await?;
        Ok(Self::over(connection, options))
    }

    /// Connects to list and show runs only: also a store whose tables are of a later version, and
    /// a server that cannot write, such as a hot standby.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_read_only(options: StoreOptions) -> Result<Self, StoreError> {
        let connection = Connection::new(options.address.clone().for_reading())?;
        check_schema(&connection, false).await?;
        Ok(Self::over(connection, options))
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
        let connection = Connection::new(options.address)?;
        schema::migrate(&connection, grant_to).await
    }

    fn over(connection: Connection, options: StoreOptions) -> Self {
        let backend = PostgresBackend {
            connection,
            retry_limit: options.retry_limit,
        };
        Self(Store::new(backend, options.process, options.times))
    }

    /// Reads the store's version, and checks that it can be used.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(options: StoreOptions) -> Result<StoreCheck, StoreError> {
        let connection = &Connection::new(options.address)?;
        let about = "SELECT current_setting('server_version'), current_user::text";
        let rows = connection.call(about, &[]).await?;
        let (server, role) = rows
            .first()
            .map(|row| (row.get(0), row.get(1)))
            .unwrap_or_default();
        let installed = schema::installed(connection).await?;
        installed.check(schema::VERSION, false)?;
        check_durability(connection).await?;
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
}

impl Deref for PostgresStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

async fn check_schema(connection: &Connection, writes: bool) -> Result<(), StoreError> {
    let installed = schema::installed(connection).await?;
    installed.check(schema::VERSION, writes)
}

/// A server that may forget what it reported as written keeps no journal.
async fn check_durability(connection: &Connection) -> Result<(), StoreError> {
    let settings = "SELECT current_setting('fsync'), current_setting('full_page_writes')";
    let rows = connection.call(settings, &[]).await?;
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
