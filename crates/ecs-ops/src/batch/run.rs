//! What a run is made of, and the run itself.

use std::collections::{HashMap, HashSet};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{BatchRebootServers, ServerId};
use tokio::time::Instant;
use uuid::Uuid;

use super::driver::{Driver, Patience};
use super::machine::{Fate, Machine, OnUnknown, Resumed};
use super::plan::Plan;
use crate::clock::until;
use crate::control::{Control, Level};
use crate::error::chain;
use crate::event::{Events, Sink};
use crate::journal::{Journal, Log, PROGRAM, Record, Recovered, RunRecord, Seen, ServerVerdict};
use crate::report::{Outcome, PowerAction, Problem, Report, Stopped};
use crate::{Client, Error, ErrorKind};

/// Collects what a run is made of. Nothing is sent before the [`Run`] is awaited.
#[derive(Debug)]
#[must_use]
pub struct RunBuilder {
    client: Client,
    action: PowerAction,
    servers: Vec<ServerId>,
    batch_size: usize,
    deadline: Option<Duration>,
    wait: bool,
    stalled_after: Option<Duration>,
    verify: Option<Duration>,
    on_unknown: OnUnknown,
    journal: Option<Arc<dyn Journal>>,
    resumed: Option<Box<Recovered>>,
}

impl RunBuilder {
    /// How many servers go into one request unless said otherwise.
    pub const DEFAULT_BATCH_SIZE: usize = 100;
    /// The most servers that go into one request: the largest that the vendor ever documented.
    pub const MAX_BATCH_SIZE: usize = BatchRebootServers::MAX_SERVERS;

    pub(crate) fn new(client: Client, action: PowerAction, servers: Vec<ServerId>) -> Self {
        Self {
            client,
            action,
            servers,
            batch_size: Self::DEFAULT_BATCH_SIZE,
            deadline: None,
            wait: true,
            stalled_after: None,
            verify: None,
            on_unknown: OnUnknown::default(),
            journal: None,
            resumed: None,
        }
    }

    /// A run that goes on with another one, by its settings; but it waits.
    pub(crate) fn resume(
        client: Client,
        journal: Arc<dyn Journal>,
        recovered: Recovered,
    ) -> Result<Self, Error> {
        let belongs = recovered.belongs_to(&client.0.endpoint, &client.0.project);
        belongs.map_err(|error| Error::invalid(chain(&error)))?;
        let run = recovered.run();
        if run.rolling.is_some() {
            // Its waves would all be sent at once.
            return Err(Error::invalid(
                "the journal is of a rolling run, which a later version of this program can go on with",
            ));
        }
        let milliseconds = |value: Option<u64>| value.map(Duration::from_millis);
        Ok(Self {
            batch_size: run.batch_size,
            stalled_after: milliseconds(run.stalled_after_ms),
            verify: milliseconds(run.verify_ms),
            on_unknown: OnUnknown {
                reconcile: run.reconcile,
                // Consent to a second request was given for the run that ended.
                resubmit: false,
            },
            journal: Some(journal),
            ..Self::new(client, run.action, recovered.unsent())
        }
        .resuming(recovered))
    }

    fn resuming(mut self, recovered: Recovered) -> Self {
        self.resumed = Some(Box::new(recovered));
        self
    }

    /// Writes down what the run does, each step before it counts, so that another process can go on with it
    /// ([`Client::resume`]). When the journal cannot be written any more, nothing more is sent.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// How many servers go into one request, 1 to [`MAX_BATCH_SIZE`](Self::MAX_BATCH_SIZE).
    pub fn batch_size(mut self, servers: usize) -> Self {
        self.batch_size = servers;
        self
    }

    /// The longest time that the run may take, from its beginning to its report.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Whether to wait for the jobs; without waiting the run ends when every batch was answered
    /// (and, with [`reconcile`](Self::reconcile), when the servers of lost answers were looked at).
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Ends the waiting for a job that has made no progress for so long: what it has not told by then is reported as running.
    /// Without it, such a job is waited for until the deadline.
    pub fn stalled_after(mut self, patience: Duration) -> Self {
        self.stalled_after = Some(patience);
        self
    }

    /// Looks at each server whose job succeeded, until it is at rest and in the state that was wanted; one that is not so
    /// `within` this time after its job has failed. Lists the project's servers, page by page, for all of them at once.
    /// Without [waiting](Self::wait) nothing is looked at.
    pub fn verify(mut self, within: Duration) -> Self {
        self.verify = Some(within);
        self
    }

    /// Whether to look at the servers of a request whose fate is unknown, until three minutes later. A server that was
    /// changed since the sending, is at rest and in the state that was wanted has succeeded; one that is as it was before
    /// the run, while no server of its request shows a trace, was not attempted. What stays unclear stays unknown.
    ///
    /// Lists the project's servers before the run, and at each look.
    pub fn reconcile(mut self, reconcile: bool) -> Self {
        self.on_unknown.reconcile = reconcile;
        self
    }

    /// Whether to send servers again, once, whose fate is unknown. **They may be restarted twice.** With
    /// [`reconcile`](Self::reconcile) only those are sent again that are still unknown after it, or were certainly not
    /// attempted.
    pub fn resubmit_unknown(mut self, resubmit: bool) -> Self {
        self.on_unknown.resubmit = resubmit;
        self
    }

    /// What would be sent.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), with everything that is wrong: no server, a server twice, a
    /// batch size out of range.
    pub fn plan(&self) -> Result<Plan, Error> {
        let mut wrong = Vec::new();
        if self.servers.is_empty() && self.resumed.is_none() {
            wrong.push("no server was named".to_owned());
        }
        let mut first = HashMap::new();
        for (index, id) in self.servers.iter().enumerate() {
            if let Some(first) = first.insert(id, index) {
                wrong.push(format!(
                    "server {id} was named twice (as number {} and {})",
                    first + 1,
                    index + 1
                ));
            }
        }
        if !(1..=Self::MAX_BATCH_SIZE).contains(&self.batch_size) {
            let max = Self::MAX_BATCH_SIZE;
            wrong.push(format!(
                "the batch size must be from 1 to {max}, not {}",
                self.batch_size
            ));
        }
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong.join("; ")));
        }
        // A batch larger than the quota could never be sent, and batches that don't divide it waste a part of each minute.
        let limit = self.client.0.pace.limit();
        let size = match self.servers.len() > limit {
            true => limit / limit.div_ceil(self.batch_size.min(limit)),
            false => self.batch_size,
        };
        let plan = Plan::new(self.action, &self.servers, size);
        match plan.requests(&self.client.0.project) {
            Ok(_) => Ok(plan),
            Err(error) => Err(Error::invalid(chain(&error))),
        }
    }

    /// Checks everything. The run that it returns does nothing until it is awaited.
    ///
    /// # Errors
    /// As [`plan`](Self::plan). From here on nothing is lost to an early error: what goes wrong is in the report.
    pub async fn start(self) -> Result<Run, Error> {
        let plan = self.plan()?;
        let log = Log::new(self.client.clone(), self.journal.clone());
        let (machine, resumed, before) = match &self.resumed {
            None => {
                let run_id = Uuid::new_v4().to_string();
                let machine = Machine::new(run_id, plan, self.on_unknown);
                (machine, Resumed::default(), Vec::new())
            }
            Some(recovered) => {
                let (machine, resumed) = Machine::resumed(plan, recovered, self.on_unknown);
                (machine, resumed, recovered.before().to_vec())
            }
        };
        let begun = || match &self.resumed {
            None => Record::Run(Box::new(self.record(machine.run_id()))),
            Some(_) => Record::Resumed {
                program: PROGRAM.to_owned(),
            },
        };
        let begun = log.write(begun).await;
        begun.map_err(|problem| Error::new(ErrorKind::Journal, problem))?;
        Ok(Run {
            machine,
            resumed,
            before,
            log,
            client: self.client,
            deadline: self.deadline,
            wait: self.wait,
            stalled_after: self.stalled_after,
            verify: self.verify.filter(|_| self.wait),
            reconcile: self.on_unknown.reconcile,
            control: Control::new(),
            sink: Sink::default(),
        })
    }

    /// What the run is, for its journal.
    fn record(&self, run_id: &str) -> RunRecord {
        let client = &self.client.0;
        let (project, servers) = (client.project.clone(), self.servers.clone());
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        RunRecord {
            batch_size: self.batch_size,
            wait: self.wait,
            deadline_ms: self.deadline.map(milliseconds),
            stalled_after_ms: self.stalled_after.map(milliseconds),
            verify_ms: self.verify.map(milliseconds),
            reconcile: self.on_unknown.reconcile,
            resubmit_unknown: self.on_unknown.resubmit,
            ..RunRecord::new(run_id, &client.endpoint, project, self.action, servers)
        }
    }
}

/// A run that is ready to go: await it for its [`Report`].
///
/// All of it happens within that future, but for looking at the jobs: the client has one task for that, which ends when
/// nobody watches a job any more. Dropping the future ends the run: nothing more is sent, and what was accepted goes on at
/// the service. A [`Control`] ends it with a report.
#[derive(Debug)]
#[must_use = "a run does nothing unless it is awaited"]
pub struct Run {
    machine: Machine,
    resumed: Resumed,
    before: Vec<Seen>,
    log: Log,
    client: Client,
    deadline: Option<Duration>,
    wait: bool,
    stalled_after: Option<Duration>,
    verify: Option<Duration>,
    reconcile: bool,
    control: Control,
    sink: Sink,
}

impl Run {
    /// The random id of this run.
    pub fn run_id(&self) -> &str {
        self.machine.run_id()
    }

    /// What happens on the way. Each call makes one more reader.
    pub fn events(&mut self) -> Events {
        self.sink.subscribe()
    }

    /// A handle that stops the run.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    async fn drive(self) -> Report {
        let deadline = self
            .deadline
            .and_then(|deadline| Instant::now().checked_add(deadline));
        let action = self.machine.action();
        let Self {
            mut machine,
            resumed,
            before,
            log,
            client,
            wait,
            stalled_after,
            verify,
            reconcile,
            control,
            sink,
            ..
        } = self;
        if verify.is_some() {
            machine.verify();
        }
        sink.emit(machine.planned());
        let driver = Driver {
            client: &client,
            control: &control,
            sink: &sink,
            log: &log,
            looking: &Control::new(),
            before: &before,
            action,
            wait,
            reconcile,
            patience: Patience {
                deadline,
                stalled_after,
            },
            verify,
        };
        let mut flights = HashMap::new();
        let stopped = tokio::select! {
            biased;
            () = control.reached(Level::End) => Some(Stopped::Asked),
            () = until(deadline) => Some(Stopped::Deadline),
            () = driver.work(&mut machine, &mut flights, resumed) => None,
        };
        // A run that submitted nothing more, because it was asked to, ends by itself when its jobs do.
        let asked = control.level() >= Level::NoMoreSubmissions;
        let stopped = stopped.or_else(|| asked.then_some(Stopped::Asked));
        let underway = flights.keys().flat_map(|batch| machine.servers(*batch));
        let underway: HashSet<ServerId> = underway.copied().collect();
        let report = machine.close(stopped, wait, |batch| match flights.get(&batch) {
            Some(flight) => flight.fate(),
            None => Fate::Unknown(Problem::new(
                "the run lost track of this batch: please report this",
            )),
        });
        // Nothing outlives the deadline for long.
        let end = write_the_end(&log, &report, &underway);
        drop(tokio::time::timeout(Duration::from_secs(2), end).await);
        report
    }
}

/// Writes down how a run ended.
async fn write_the_end(
    log: &Log,
    report: &Report,
    underway: &HashSet<ServerId>,
) -> Result<(), Problem> {
    // A request that was cut off before anything was sent.
    let free = report.servers.iter().filter(|server| {
        underway.contains(&server.id) && matches!(server.outcome, Outcome::NotAttempted { .. })
    });
    let servers: Vec<_> = free.filter_map(ServerVerdict::of).collect();
    if !servers.is_empty() {
        log.write(|| Record::Verdicts { servers }).await?;
    }
    if let Some(stopped) = &report.stopped {
        let reason = stopped.to_string();
        log.write(|| Record::Stopping { reason }).await?;
    }
    log.write(|| Record::Ended {}).await
}

impl IntoFuture for Run {
    type Output = Report;
    type IntoFuture = BoxFuture<'static, Report>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.drive())
    }
}
