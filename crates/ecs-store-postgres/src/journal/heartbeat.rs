//! Signs of life of a run.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio_postgres::types::{ToSql, Type};

use crate::shared::Shared;

/// The time between signs of life, besides the records.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shows the store that the process is alive, until this is dropped or another has the run.
#[derive(Debug)]
pub(super) struct Heartbeat(AbortHandle);

impl Heartbeat {
    pub(super) fn start(store: Arc<Shared>, run_id: &str, epoch: i64) -> Self {
        let run_id = run_id.to_owned();
        let beat = async move {
            loop {
                sleep(INTERVAL).await;
                let params: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&run_id, Type::TEXT), (&epoch, Type::INT8)];
                let touched = store
                    .connection
                    .call("SELECT ecsctl.touch($1, $2)", &params);
                match touched.await {
                    Ok(rows) if !rows.first().is_some_and(|row| row.get::<_, bool>(0)) => {
                        tracing::warn!(run_id, "another process has taken this run over");
                        return;
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "no sign of life"),
                }
            }
        };
        Self(tokio::spawn(beat).abort_handle())
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}
