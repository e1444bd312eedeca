//! The connection of a process to the server, made anew when it breaks.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_ops::chain;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::address::{StoreAddress, Tls};
use crate::error::of_driver;
use crate::tls::Connector;
use crate::{StoreError, StoreErrorKind};

/// The limit for one call. The functions of the schema await no lock for longer than 8 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The parameters of a call, with their types: a call is one round trip and needs no named
/// statement, so that a pooler in transaction mode may be in between.
pub(crate) type Params<'a> = [(&'a (dyn ToSql + Sync), Type)];

/// A connection, shared by all that this process does with the store: each call is a transaction of
/// its own, and none waits long.
pub(crate) struct Connection {
    address: StoreAddress,
    tls: Connector,
    /// A connection is made by one task at a time.
    making: tokio::sync::Mutex<()>,
    current: Mutex<Option<Arc<Live>>>,
}

struct Live {
    client: Client,
    /// The task that reads and writes.
    task: AbortHandle,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.address).finish()
    }
}

impl Connection {
    pub(crate) fn new(address: StoreAddress) -> Result<Self, StoreError> {
        let tls = match address.tls() {
            Tls::Verified => Connector::new(address.roots())?,
            Tls::Off => Connector::without_tls(),
        };
        Ok(Self {
            address,
            tls,
            making: tokio::sync::Mutex::new(()),
            current: Mutex::default(),
        })
    }

    /// Returns its address, for another connection.
    pub(crate) fn way(&self) -> (StoreAddress, Connector) {
        (self.address.clone(), self.tls.clone())
    }

    /// Calls until there is an answer, at most for so long. Each call must be one that may be
    /// repeated: whether one that got no answer was executed is not known.
    pub(crate) async fn call_within(
        &self,
        retry_limit: Duration,
        sql: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.call(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            if !error.is_temporary() || began.elapsed() + pause >= retry_limit {
                return Err(error);
            }
            tracing::warn!(error = %chain(&error), "the store is unavailable, trying again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Calls once.
    pub(crate) async fn call(
        &self,
        sql: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let live = in_time(CALL_TIMEOUT, self.live()).await?;
        let rows = in_time(CALL_TIMEOUT, async {
            let rows = live.client.query_typed(sql, params).await;
            rows.map_err(of_driver)
        });
        let rows = rows.await;
        if rows.as_ref().is_err_and(StoreError::is_temporary) {
            self.discard(&live);
        }
        rows
    }

    /// Executes statements without parameters, as one transaction. Not repeated.
    pub(crate) async fn execute(&self, statements: &str) -> Result<(), StoreError> {
        let live = in_time(CALL_TIMEOUT, self.live()).await?;
        let executed = live.client.batch_execute(statements).await;
        executed.map_err(|error| {
            // It may be within a transaction that failed.
            self.discard(&live);
            of_driver(error)
        })
    }

    /// The connection, or a new one.
    async fn live(&self) -> Result<Arc<Live>, StoreError> {
        let _making = self.making.lock().await;
        if let Some(live) = self.current().as_ref()
            && !live.client.is_closed()
        {
            return Ok(Arc::clone(live));
        }
        let live = Arc::new(self.connect().await?);
        *self.current() = Some(Arc::clone(&live));
        Ok(live)
    }

    async fn connect(&self) -> Result<Live, StoreError> {
        let config = self.address.config();
        let failed = |error: tokio_postgres::Error| {
            let error = of_driver(error);
            let message = format!("no connection to the store {}: {error}", self.address);
            let kind = error.kind();
            StoreError::new(kind, message).with_source_of(error)
        };
        let connected = config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(failed)?;
        Ok(Live::new(client, connection))
    }

    fn discard(&self, live: &Arc<Live>) {
        let mut current = self.current();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, live))
        {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Live>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn new<C>(client: Client, connection: C) -> Self
    where
        C: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    {
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the store ended");
            }
        });
        Self {
            client,
            task: task.abort_handle(),
        }
    }
}

async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, call).await.unwrap_or_else(|_| {
        let message = format!("the store gave no answer within {limit:?}");
        Err(StoreError::new(StoreErrorKind::Unavailable, message))
    })
}
