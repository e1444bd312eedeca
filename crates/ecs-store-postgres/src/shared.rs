//! What the store and the journals of its runs share.

use std::time::Duration;

use crate::StoreError;
use crate::connection::{Connection, Params};
use crate::reply::Reply;

/// Who uses the store, for people: it is told to whoever finds a run in use.
#[derive(Clone, Debug)]
pub struct Process {
    /// The user.
    pub user: String,
    /// The host.
    pub host: String,
    /// The id of the process.
    pub pid: i32,
    /// The program, with its version.
    pub program: String,
}

/// What journals and the store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) connection: Connection,
    pub(crate) process: Process,
    pub(crate) patience: Duration,
    pub(crate) takeover_after: Duration,
    pub(crate) admission_lifetime: Duration,
}

impl Shared {
    /// Calls a function of the schema, until there is a reply.
    pub(crate) async fn call(&self, sql: &str, params: &Params<'_>) -> Result<Reply, StoreError> {
        let rows = self
            .connection
            .call_within(self.patience, sql, params)
            .await?;
        let text: &str = rows.first().map(|row| row.get(0)).unwrap_or_default();
        Reply::parse(text)
    }
}
