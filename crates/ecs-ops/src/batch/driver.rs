//! Running a run: the I/O around the [machine](super::machine).

use std::collections::HashMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{
    Accepted, BatchRebootServers, BatchStartServers, BatchStopServers, ServerId, ValidationError,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use uuid::Uuid;

use super::machine::{Fate, Machine};
use super::plan::Plan;
use crate::clock::until;
use crate::control::{Control, Level};
use crate::error::chain;
use crate::event::{Event, Events, Sink};
use crate::exec::{ActionScope, Failure, Flight, Notice, Scope};
use crate::jobs::{Look, Watched};
use crate::policy::Judgement;
use crate::report::{PowerAction, Problem, Report, Stopped};
use crate::{Client, Error};

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
        }
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

    /// Whether to wait for the jobs; without waiting the run ends when every batch was answered.
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// What would be sent.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), with everything that is wrong: no server, a server twice, a
    /// batch size out of range.
    pub fn plan(&self) -> Result<Plan, Error> {
        let mut wrong = Vec::new();
        if self.servers.is_empty() {
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
        // A batch larger than the quota could never be sent.
        let size = self.batch_size.min(self.client.0.pace.limit());
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
    #[allow(
        clippy::unused_async,
        reason = "a journal is going to write the plan here"
    )]
    pub async fn start(self) -> Result<Run, Error> {
        let plan = self.plan()?;
        let run_id = Uuid::new_v4().to_string();
        Ok(Run {
            machine: Machine::new(run_id.clone(), plan),
            run_id,
            client: self.client,
            deadline: self.deadline,
            wait: self.wait,
            control: Control::new(),
            sink: Sink::default(),
        })
    }
}

/// A run that is ready to go: await it for its [`Report`].
///
/// All of it happens within that future, nothing is spawned. Dropping the future ends the run: nothing more is sent,
/// and what was accepted goes on at the service. A [`Control`] ends it with a report.
#[derive(Debug)]
#[must_use = "a run does nothing unless it is awaited"]
pub struct Run {
    run_id: String,
    machine: Machine,
    client: Client,
    deadline: Option<Duration>,
    wait: bool,
    control: Control,
    sink: Sink,
}

impl Run {
    /// The random id of this run.
    pub fn run_id(&self) -> &str {
        &self.run_id
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
            client,
            wait,
            control,
            sink,
            ..
        } = self;
        sink.emit(machine.planned());
        let driver = Driver {
            client: &client,
            control: &control,
            sink: &sink,
            action,
            wait,
        };
        let mut flights = HashMap::new();
        let stopped = tokio::select! {
            biased;
            () = control.reached(Level::End) => Some(Stopped::Asked),
            () = until(deadline) => Some(Stopped::Deadline),
            () = driver.work(&mut machine, &mut flights) => None,
        };
        // A run that submitted nothing more, because it was asked to, ends by itself when its jobs do.
        let asked = control.level() >= Level::NoMoreSubmissions;
        let stopped = stopped.or_else(|| asked.then_some(Stopped::Asked));
        machine.close(stopped, wait, |batch| match flights.get(&batch) {
            Some(flight) => flight.fate(),
            None => Fate::Unknown(Problem::new(
                "the run lost track of this batch: please report this",
            )),
        })
    }
}

impl IntoFuture for Run {
    type Output = Report;
    type IntoFuture = BoxFuture<'static, Report>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.drive())
    }
}

/// One step that is underway.
enum Step {
    Submitted(usize, Result<Accepted, Failure>),
    Looked(usize, Watched, Box<Look>),
}

#[derive(Clone, Copy)]
struct Driver<'a> {
    client: &'a Client,
    control: &'a Control,
    sink: &'a Sink,
    action: PowerAction,
    wait: bool,
}

impl<'a> Driver<'a> {
    /// Submits and watches until nothing is left to do.
    async fn work(self, machine: &mut Machine, flights: &mut HashMap<usize, Arc<Flight>>) {
        let mut steps: FuturesUnordered<BoxFuture<'a, Step>> = FuturesUnordered::new();
        let mut submitting = 0;
        loop {
            while submitting < self.client.0.concurrent_submissions
                && self.control.level() == Level::Go
                && let Some(batch) = machine.next_batch()
            {
                let flight = Arc::new(Flight::default());
                flights.insert(batch, Arc::clone(&flight));
                let servers = machine.servers(batch).to_vec();
                steps.push(Box::pin(async move {
                    Step::Submitted(batch, self.submit(batch, servers, &flight).await)
                }));
                submitting += 1;
            }
            let Some(step) = steps.next().await else {
                break;
            };
            match step {
                Step::Submitted(batch, result) => {
                    submitting -= 1;
                    flights.remove(&batch);
                    self.submitted(machine, batch, result, &mut steps);
                }
                Step::Looked(batch, watched, look) => {
                    self.looked(machine, batch, watched, *look, &mut steps)
                }
            }
        }
    }

    async fn submit(
        self,
        batch: usize,
        servers: Vec<ServerId>,
        flight: &Flight,
    ) -> Result<Accepted, Failure> {
        let inner = &self.client.0;
        let batch = batch + 1;
        let count = servers.len();
        let mut share = match inner.pace.try_acquire(count) {
            Some(share) => share,
            None => {
                self.sink.emit(Event::WaitingForQuota {
                    batch,
                    servers: count,
                });
                tokio::select! {
                    biased;
                    () = self.control.reached(Level::Halted) => return Err(Failure::never_sent()),
                    share = inner.pace.acquire(count) => share,
                }
            }
        };
        let notify = |notice| {
            self.sink.emit(match notice {
                Notice::Sending => Event::Submitting {
                    batch,
                    servers: count,
                },
                Notice::Throttled(error, retry_after) => Event::Throttled {
                    batch,
                    error,
                    retry_after,
                },
                Notice::Retrying(error, retry_after) => Event::Retrying {
                    batch,
                    error,
                    retry_after,
                },
            });
        };
        let mut scope = Scope::action(ActionScope {
            flight,
            share: &mut share,
            control: self.control,
            notify: &notify,
        });
        match self.action {
            PowerAction::Reboot(kind) => {
                let operation = BatchRebootServers::new(kind, servers).map_err(invalid)?;
                inner.execute(&operation, &mut scope).await
            }
            PowerAction::Start => {
                let operation = BatchStartServers::new(servers).map_err(invalid)?;
                inner.execute(&operation, &mut scope).await
            }
            PowerAction::Stop(kind) => {
                let operation = BatchStopServers::new(kind, servers).map_err(invalid)?;
                inner.execute(&operation, &mut scope).await
            }
        }
    }

    fn submitted(
        self,
        machine: &mut Machine,
        batch: usize,
        result: Result<Accepted, Failure>,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        match result {
            Ok(accepted) => {
                let job_id = accepted.job_id.clone();
                machine
                    .accepted(batch, accepted)
                    .into_iter()
                    .for_each(|event| self.sink.emit(event));
                if self.wait {
                    self.watch(batch, self.client.0.watch_accepted(job_id), steps);
                }
            }
            Err(failure) => self.emit(machine.not_accepted(batch, failure)),
        }
        if machine.is_halted() {
            self.control.halt();
        }
    }

    fn watch(
        self,
        batch: usize,
        watched: Watched,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        steps.push(Box::pin(async move {
            let (watched, look) = self.client.0.look(watched).await;
            Step::Looked(batch, watched, Box::new(look))
        }));
    }

    fn looked(
        self,
        machine: &mut Machine,
        batch: usize,
        watched: Watched,
        look: Look,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        match look {
            Look::Goes(job) | Look::Ended(job) => {
                let (events, again) = machine.looked(batch, &job);
                self.emit(events);
                if again {
                    self.watch(batch, watched, steps);
                }
            }
            Look::NotYet => self.watch(batch, watched, steps),
            Look::Trouble(error, retry_after) => {
                self.sink.emit(Event::QueryFailed {
                    job_id: watched.job_id.clone(),
                    error,
                    retry_after,
                });
                self.watch(batch, watched, steps);
            }
            Look::Lost(problem) => self.emit(machine.lost(batch, problem)),
            Look::Denied(problem) => {
                if machine.denied(problem.clone()) {
                    self.sink.emit(Event::Stopping {
                        reason: problem.message,
                    });
                }
                self.control.halt();
            }
        }
    }

    fn emit(self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.sink.emit(event));
    }
}

/// The plan was checked before anything was sent.
fn invalid(error: ValidationError) -> Failure {
    Failure::new(Judgement::Refused, Problem::new(chain(&error)))
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
