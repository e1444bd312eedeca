//! The first record of a run.

use std::sync::Arc;

use super::RunBuilder;
use crate::journal::{Journal, JsonlJournal, RollingRecord, RunRecord, milliseconds};
use crate::report::Stopped;
use crate::rolling::Rolling;
use crate::runs::plan::journal_error;
use crate::{Client, Error};

impl RunBuilder {
    /// The journal of a new run, if it has one.
    pub(in crate::runs) fn new_journal(
        &self,
        run_id: &str,
    ) -> Result<Option<Arc<dyn Journal>>, Error> {
        let Some(directory) = &self.journal_directory else {
            return Ok(self.journal.clone());
        };
        // A colon has no place in a file name on Windows.
        let name = format!("{}.jsonl", run_id.replace(':', "_"));
        let journal = JsonlJournal::create(directory.join(name)).map_err(journal_error)?;
        Ok(Some(Arc::new(journal)))
    }

    /// The stop that a resumed run has to keep to, by its journal.
    pub(in crate::runs) fn binding_stop(&self) -> Option<&Stopped> {
        let recovered = self.resumed.as_ref().filter(|_| !self.continues_stopped)?;
        recovered.stop_request()
    }

    /// The waves as a record.
    pub(in crate::runs) fn rolling_record(&self, rolling: &Rolling) -> RollingRecord {
        let health = self.health.as_ref();
        RollingRecord {
            health: health.map(|health| health.description.clone()),
            health_timeout_ms: health.map(|health| milliseconds(health.within)),
            escalate_after_ms: self.escalate_after.map(milliseconds),
            escalate_hang_ms: self.escalate_hang.map(milliseconds),
            recheck: self.recheck,
            ..RollingRecord::new(rolling.waves().to_vec(), rolling.rules())
        }
    }

    /// The run as a record.
    pub(in crate::runs) fn record(
        &self,
        run_id: &str,
        rolling: Option<RollingRecord>,
    ) -> RunRecord {
        let client = &self.client.0.core;
        let (project, servers) = (client.project().clone(), self.servers.clone());
        let quota = self.client.0.quota.limit();
        RunRecord {
            batch_size: self.batch_size,
            servers_per_minute: (quota != Client::SERVERS_PER_MINUTE).then_some(quota),
            wait: self.wait,
            deadline_ms: self.deadline.map(milliseconds),
            stalled_after_ms: self.stalled_after.map(milliseconds),
            verify_ms: self.verify.map(milliseconds),
            reconcile: self.on_unknown.reconcile,
            reconcile_after_ms: self.reconcile_after.map(milliseconds),
            resubmit_unknown: self.on_unknown.resubmit,
            rolling,
            target: self.target.clone(),
            unready: self.unready.clone(),
            invocation: self.invocation.clone(),
            simulated: self.simulated,
            names: self.names.clone(),
            ..RunRecord::new(run_id, client.endpoint(), project, self.action, servers)
        }
    }
}
