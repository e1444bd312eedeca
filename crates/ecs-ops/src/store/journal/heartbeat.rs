//! Signs of life of a run.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::super::Shared;

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
                let touched = store.backend.touch(&run_id, epoch);
                match touched.await {
                    Ok(false) => {
                        tracing::warn!(run_id, "another process has taken this run over");
                        return;
                    }
                    Ok(true) => {}
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
