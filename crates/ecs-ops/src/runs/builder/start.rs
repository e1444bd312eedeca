//! From a builder to a run.

use uuid::Uuid;

use super::RunBuilder;
use crate::control::Control;
use crate::event::Sink;
use crate::journal::{PROGRAM, Record, RollingRecord, RunJournal, RunRecord, milliseconds};
use crate::rolling::Rolling;
use crate::runs::Run;
use crate::runs::preflight::Preflight;
use crate::runs::state::{Resumption, RunOptions, RunState};
use crate::{Error, ErrorKind};

impl RunBuilder {
    /// Checks everything, also [whether what answers is the service](Self::check_service). The run that it returns does
    /// nothing until it is awaited.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and [`ErrorKind::NotTheService`](crate::ErrorKind::NotTheService):
    /// nothing was sent then, and nothing is in the journal. From here on nothing is lost to an
    /// early error: what goes wrong is in the report.
    pub async fn start(self) -> Result<Run, Error> {
        let plan = self.plan()?;
        let rolling = self.current_rolling();
        rolling
            .as_ref()
            .map_or(Ok(()), |rolling| self.check_callbacks(rolling))?;
        let preflight = if self.check_service && !plan.requests.is_empty() {
            Preflight::run(&self.client.0.core, self.deadline).await?
        } else {
            Preflight::default()
        };
        let rolling_record = rolling.as_ref().map(|rolling| self.rolling_record(rolling));
        let options = RunOptions {
            on_unknown: self.on_unknown,
            rolling,
            escalate_after: self.escalate_after,
        };
        let log = RunJournal::new(self.client.0.core.clone(), self.journal.clone());
        let (state, resumed, before) = match &self.resumed {
            None => {
                let run_id = Uuid::new_v4().to_string();
                let state = RunState::new(run_id, self.servers.clone(), plan, options);
                (state, Resumption::default(), Vec::new())
            }
            Some(recovered) => {
                let (state, resumed) = RunState::resumed(plan, recovered, options);
                (state, resumed, recovered.initial_state().to_vec())
            }
        };
        let begun = || match &self.resumed {
            None => Record::Run(Box::new(self.record(state.run_id(), rolling_record))),
            Some(_) => Record::Resumed {
                program: PROGRAM.to_owned(),
            },
        };
        let begun = log.write(begun).await;
        // A resumed run then sends nothing and still reports each server.
        if self.resumed.is_none() {
            begun.map_err(|problem| Error::new(ErrorKind::Journal, problem))?;
        }
        let deadline = self.deadline;
        Ok(Run {
            reconcile_limit: self.reconcile_limit(),
            deadline: deadline.map(|deadline| deadline.saturating_sub(preflight.took)),
            preflight,
            state,
            resumed,
            before,
            log,
            client: self.client,
            wait: self.wait,
            stalled_after: self.stalled_after,
            verify: self.verify.filter(|_| self.wait),
            reconcile: self.on_unknown.reconcile,
            health: self.health,
            question: self.question,
            control: Control::new(),
            sink: Sink::default(),
            target: self.target,
            skipped: self.skipped,
        })
    }

    /// The waves as a record.
    fn rolling_record(&self, rolling: &Rolling) -> RollingRecord {
        let health = self.health.as_ref();
        RollingRecord {
            health: health.map(|health| health.description.clone()),
            health_timeout_ms: health.map(|health| milliseconds(health.within)),
            escalate_after_ms: self.escalate_after.map(milliseconds),
            ..RollingRecord::new(rolling.waves().to_vec(), rolling.rules())
        }
    }

    /// The run as a record.
    fn record(&self, run_id: &str, rolling: Option<RollingRecord>) -> RunRecord {
        let client = &self.client.0.core;
        let (project, servers) = (client.project().clone(), self.servers.clone());
        RunRecord {
            batch_size: self.batch_size,
            wait: self.wait,
            deadline_ms: self.deadline.map(milliseconds),
            stalled_after_ms: self.stalled_after.map(milliseconds),
            verify_ms: self.verify.map(milliseconds),
            reconcile: self.on_unknown.reconcile,
            reconcile_after_ms: self.reconcile_after.map(milliseconds),
            resubmit_unknown: self.on_unknown.resubmit,
            rolling,
            target: self.target.clone(),
            ..RunRecord::new(run_id, client.endpoint(), project, self.action, servers)
        }
    }
}
