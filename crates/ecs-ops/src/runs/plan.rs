//! A checked plan, which begins its run.

use std::path::PathBuf;
use std::time::Duration;

use ecs_client::{Problem, chain};
use ecs_model::{
    BatchRebootServers, BatchStartServers, BatchStopServers, Operation as _, ProjectId, ServerId,
    ValidationError,
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::builder::RunBuilder;
use super::preflight::Preflight;
use super::request_plan::RequestPlan;
use super::run::{LAST_RECORDS, Run};
use super::state::{Resumption, RunOptions, RunState, UnknownPolicy};
use crate::action::PowerAction;
use crate::control::{Control, RecordGuard};
use crate::event::Sink;
use crate::journal::{
    Journal, JournalError, PROGRAM, Record, RollingRecord, RunJournal, RunRecord,
};
use crate::report::{Report, Stopped};
use crate::rolling::Rolling;
use crate::{Error, ErrorKind};

/// A checked run, and the requests that it is going to send: show it, ask, and
/// [`begin`](Self::begin).
///
/// ```
/// # async fn restart(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), ecs_ops::Error> {
/// use ecs_ops::model::RebootType;
///
/// let plan = client.reboot(RebootType::Soft, servers).plan()?; // checked; nothing is sent
/// println!("{} servers in {} requests", plan.servers(), plan.requests().len());
/// let report = plan.report().await?;
/// # let _ = report; Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a plan does nothing until it begins"]
pub struct Plan {
    pub(super) builder: RunBuilder,
    pub(super) requests: RequestPlan,
    /// The waves, if there are any.
    pub(super) rolling: Option<Rolling>,
}

impl Plan {
    /// The action.
    pub fn action(&self) -> PowerAction {
        self.requests.action
    }

    /// The number of servers that are going to be sent.
    pub fn servers(&self) -> usize {
        self.requests.requests.iter().map(Vec::len).sum()
    }

    /// The servers of each request, in the given order.
    pub fn requests(&self) -> &[Vec<ServerId>] {
        &self.requests.requests
    }

    /// The number of requests of each wave; empty for a run without waves.
    pub fn waves(&self) -> &[usize] {
        &self.requests.waves
    }

    /// The most servers in one request: the given number, or fewer where the quota demands it.
    pub fn batch_size(&self) -> usize {
        self.requests.batch_size
    }

    /// The HTTP request of each planned request, without endpoint and credentials.
    ///
    /// # Errors
    /// None that is known of: a plan was checked.
    pub fn http_requests(
        &self,
        project: &ProjectId,
    ) -> Result<Vec<http::Request<bytes::Bytes>>, ValidationError> {
        let mut encoded = Vec::with_capacity(self.requests().len());
        for servers in self.requests() {
            let servers = servers.clone();
            encoded.push(match self.action() {
                PowerAction::Reboot(reboot_type) => {
                    BatchRebootServers::new(reboot_type, servers)?.encode(project)
                }
                PowerAction::Start => BatchStartServers::new(servers)?.encode(project),
                PowerAction::Stop(stop_type) => {
                    BatchStopServers::new(stop_type, servers)?.encode(project)
                }
            });
        }
        Ok(encoded)
    }

    /// Returns the first record of the run's journal, with this id: all that it would do,
    /// for a plan that is kept.
    pub fn record(&self, run_id: &str) -> RunRecord {
        let rolling = self.rolling.as_ref();
        let rolling = rolling.map(|rolling| self.builder.rolling_record(rolling));
        self.builder.record(run_id, rolling)
    }

    /// Like [`RunBuilder::journal`], for a journal that is made once the plan is agreed to.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.builder = self.builder.journal(journal);
        self
    }

    /// Like [`RunBuilder::journal_in`].
    pub fn journal_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.builder = self.builder.journal_in(directory);
        self
    }

    /// Begins the run and does all of it, for a caller who needs neither its events nor a way to
    /// stop it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin): nothing was sent.
    pub async fn report(self) -> Result<Report, Error> {
        Ok(self.begin().await?.await)
    }

    /// Checks [whether what answers is the service](RunBuilder::skip_service_check), and writes the
    /// first record of the journal. The run that it returns does nothing until it is awaited or
    /// [spawned](Run::spawn).
    ///
    /// # Errors
    /// [`ErrorKind::NotTheService`](crate::ErrorKind::NotTheService): nothing was sent, and nothing
    /// is in the journal. [`ErrorKind::NotRecorded`](crate::ErrorKind::NotRecorded): the journal cannot be
    /// written, another run writes to it, it holds a run already, or other records than those that
    /// are to be resumed. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the plan was given a
    /// second journal. Later failures are in the report. A journal that takes no record until the
    /// deadline is one that cannot be written.
    pub async fn begin(self) -> Result<Run, Error> {
        let Self {
            builder,
            requests: plan,
            rolling,
        } = self;
        if !builder.violations.is_empty() {
            return Err(Error::invalid(builder.violations.join("; ")));
        }
        let (began, deadline) = (Instant::now(), builder.deadline);
        let left = || deadline.map(|deadline| deadline.saturating_sub(began.elapsed()));
        let stop_request = builder.binding_stop().cloned();
        let sends = !plan.requests.is_empty() && stop_request.is_none();
        let preflight = if builder.check_service && sends {
            Preflight::run(&builder.client, builder.deadline).await?
        } else {
            Preflight::default()
        };
        let rolling_record = rolling
            .as_ref()
            .map(|rolling| builder.rolling_record(rolling));
        let options = run_options(&builder, rolling);
        let core = builder.client.0.core.clone();
        let (log, state, resumed, before) = match &builder.resumed {
            None => {
                let run_id = builder.run_id.clone();
                let run_id = run_id.unwrap_or_else(|| Uuid::new_v4().to_string());
                let journal = builder.new_journal(&run_id)?;
                let log = RunJournal::begin(core, journal, &run_id).map_err(journal_error)?;
                let state = RunState::new(run_id, builder.servers.clone(), plan, options);
                (log, state, Resumption::default(), Vec::new())
            }
            Some(recovered) => {
                let journal = builder.journal.clone();
                let log = RunJournal::resume(core, journal, recovered).map_err(journal_error)?;
                let (state, mut resumed) = RunState::resumed(plan, recovered, options);
                resumed.counted = builder.client.0.counted(recovered);
                (log, state, resumed, recovered.initial_state().to_vec())
            }
        };
        let record = || first_record(&builder, state.run_id(), rolling_record);
        let begun = first_write(&log, record, left()).await;
        // A resumed run then sends nothing and still reports each server.
        if builder.resumed.is_none() {
            begun.map_err(|problem| log.failure(problem))?;
        }
        let sink = if builder.keeps_events {
            Sink::keeping()
        } else {
            Sink::default()
        };
        let sink = sink.naming(builder.names.clone());
        let control = match stop_request {
            Some(Stopped::Requested { reason }) => Control::keeping_to(reason, sink.source()),
            _ => Control::of_run(sink.source()),
        };
        Ok(Run {
            reconcile_limit: builder.reconcile_limit(),
            deadline: left(),
            preflight,
            state,
            resumed,
            before,
            log,
            client: builder.client,
            wait: builder.wait,
            stalled_after: builder.stalled_after,
            escalate_hang: builder.escalate_hang,
            verify: builder.verify.filter(|_| builder.wait),
            reconcile: builder.on_unknown.reconcile,
            traces: builder.traces,
            health: builder.health,
            question: builder.question,
            guard: RecordGuard(control.clone()),
            control,
            sink,
            target: builder.target,
            skipped: builder.skipped,
            unready: builder.unready,
            names: builder.names,
        })
    }
}

fn run_options(builder: &RunBuilder, rolling: Option<Rolling>) -> RunOptions {
    RunOptions {
        on_unknown: UnknownPolicy {
            // Resubmitting sends, too.
            resubmit: builder.on_unknown.resubmit && builder.binding_stop().is_none(),
            ..builder.on_unknown
        },
        rolling,
        escalate_after: builder.escalate_after,
        escalate_hang: builder.escalate_hang,
        recheck: builder.recheck,
        origin: Some(builder.client.origin()),
    }
}

/// Writes the first record. A journal that has not taken it when the deadline comes, or a little
/// later, takes no further one.
async fn first_write(
    log: &RunJournal,
    record: impl FnOnce() -> Record,
    left: Option<Duration>,
) -> Result<(), Problem> {
    let Some(left) = left.map(|left| left.max(LAST_RECORDS)) else {
        return log.write(record).await;
    };
    timeout(left, log.write(record)).await.unwrap_or_else(|_| {
        let message =
            format!("the journal took no record within {left:?}, and the deadline passed");
        Err(log.give_up(Problem::new(message)))
    })
}

/// The first record that a process writes of a run.
fn first_record(builder: &RunBuilder, run_id: &str, rolling: Option<RollingRecord>) -> Record {
    match &builder.resumed {
        None => Record::Run(Box::new(builder.record(run_id, rolling))),
        Some(recovered) => Record::Resumed {
            program: PROGRAM.to_owned(),
            continues_stopped: builder.continues_stopped && recovered.stop_request().is_some(),
            invocation: builder.invocation.clone(),
        },
    }
}

pub(super) fn journal_error(error: JournalError) -> Error {
    let problem = Problem::new(chain(&error));
    Error::new(ErrorKind::NotRecorded, problem).caused_by("the journal cannot be used", error)
}
