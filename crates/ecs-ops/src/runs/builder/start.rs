//! From a builder to a run.

use std::sync::Arc;

use ecs_client::{Problem, chain};
use uuid::Uuid;

use super::RunBuilder;
use crate::control::{Control, RecordGuard};
use crate::event::Sink;
use crate::journal::{
    Journal, JournalError, JsonlJournal, PROGRAM, Record, RollingRecord, RunJournal, RunRecord,
    milliseconds,
};
use crate::report::Stopped;
use crate::rolling::Rolling;
use crate::runs::Run;
use crate::runs::preflight::Preflight;
use crate::runs::state::{Resumption, RunOptions, RunState, UnknownPolicy};
use crate::{Error, ErrorKind};

impl RunBuilder {
    /// Checks everything, also [whether what answers is the service](Self::check_service), and
    /// writes the first record of the journal. The run that it returns does nothing until it is
    /// awaited.
    ///
    /// # Errors
    /// As [`plan`](Self::plan). [`ErrorKind::NotTheService`](crate::ErrorKind::NotTheService):
    /// nothing was sent, and nothing is in the journal.
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal): the journal cannot be written, another
    /// run writes to it, it holds a run already, or other records than those that are to be
    /// resumed. Later failures are in the report.
    pub async fn start(self) -> Result<Run, Error> {
        let plan = self.plan()?;
        let rolling = self.current_rolling();
        if let Some(rolling) = &rolling {
            self.check_callbacks(rolling)?;
        }
        let stop_request = self.binding_stop().cloned();
        let sends = !plan.requests.is_empty() && stop_request.is_none();
        let preflight = if self.check_service && sends {
            Preflight::run(&self.client.0.core, self.deadline).await?
        } else {
            Preflight::default()
        };
        let rolling_record = rolling.as_ref().map(|rolling| self.rolling_record(rolling));
        let options = RunOptions {
            on_unknown: UnknownPolicy {
                // Resubmitting sends, too.
                resubmit: self.on_unknown.resubmit && stop_request.is_none(),
                ..self.on_unknown
            },
            rolling,
            escalate_after: self.escalate_after,
        };
        let core = self.client.0.core.clone();
        let (log, state, resumed, before) = match &self.resumed {
            None => {
                let run_id = self.run_id.clone();
                let run_id = run_id.unwrap_or_else(|| Uuid::new_v4().to_string());
                let journal = self.new_journal(&run_id)?;
                let log = RunJournal::begin(core, journal, &run_id).map_err(journal_error)?;
                let state = RunState::new(run_id, self.servers.clone(), plan, options);
                (log, state, Resumption::default(), Vec::new())
            }
            Some(recovered) => {
                let journal = self.journal.clone();
                let log = RunJournal::resume(core, journal, recovered).map_err(journal_error)?;
                let (state, mut resumed) = RunState::resumed(plan, recovered, options);
                resumed.counted = self.client.0.counted(recovered);
                (log, state, resumed, recovered.initial_state().to_vec())
            }
        };
        let begun = || match &self.resumed {
            None => Record::Run(Box::new(self.record(state.run_id(), rolling_record))),
            Some(recovered) => Record::Resumed {
                program: PROGRAM.to_owned(),
                continues_stopped: self.continues_stopped && recovered.stop_request().is_some(),
            },
        };
        let begun = log.write(begun).await;
        // A resumed run then sends nothing and still reports each server.
        if self.resumed.is_none() {
            begun.map_err(|problem| Error::new(ErrorKind::Journal, problem))?;
        }
        let control = match stop_request {
            Some(Stopped::Requested { reason }) => Control::keeping_to(reason),
            _ => Control::new(),
        };
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
            guard: RecordGuard(control.clone()),
            control,
            sink: Sink::default(),
            target: self.target,
            skipped: self.skipped,
            unready: self.unready,
        })
    }

    /// What the first record of the run's journal would say, with this id: all that it would do,
    /// for a plan that is kept. The health check is one without a description, unless it was given
    /// with one.
    pub fn run_record(&self, run_id: &str) -> RunRecord {
        let rolling = self.current_rolling();
        let rolling = rolling.map(|rolling| self.rolling_record(&rolling));
        self.record(run_id, rolling)
    }

    /// The journal of a new run, if it has one.
    fn new_journal(&self, run_id: &str) -> Result<Option<Arc<dyn Journal>>, Error> {
        let Some(directory) = &self.journal_directory else {
            return Ok(self.journal.clone());
        };
        // A colon has no place in a file name on Windows.
        let name = format!("{}.jsonl", run_id.replace(':', "_"));
        let journal = JsonlJournal::create(directory.join(name)).map_err(journal_error)?;
        Ok(Some(Arc::new(journal)))
    }

    /// The stop that a resumed run has to keep to, by its journal.
    fn binding_stop(&self) -> Option<&Stopped> {
        let recovered = self.resumed.as_ref().filter(|_| !self.continues_stopped)?;
        recovered.stop_request()
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
            unready: self.unready.clone(),
            ..RunRecord::new(run_id, client.endpoint(), project, self.action, servers)
        }
    }
}

fn journal_error(error: JournalError) -> Error {
    Error::new(ErrorKind::Journal, Problem::new(chain(&error)))
}
