//! What a run is made of, and the run itself.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{BatchRebootServers, ServerId};
use tokio::time::Instant;
use uuid::Uuid;

use super::driver::{Driver, Patience};
use super::machine::{Fate, Machine, OnUnknown};
use super::plan::Plan;
use crate::clock::until;
use crate::control::{Control, Level};
use crate::error::chain;
use crate::event::{Events, Sink};
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
    stalled_after: Option<Duration>,
    verify: Option<Duration>,
    on_unknown: OnUnknown,
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
    #[allow(
        clippy::unused_async,
        reason = "a journal is going to write the plan here"
    )]
    pub async fn start(self) -> Result<Run, Error> {
        let plan = self.plan()?;
        let run_id = Uuid::new_v4().to_string();
        Ok(Run {
            machine: Machine::new(run_id.clone(), plan, self.on_unknown),
            run_id,
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
}

/// A run that is ready to go: await it for its [`Report`].
///
/// All of it happens within that future, but for looking at the jobs: the client has one task for that, which ends when
/// nobody watches a job any more. Dropping the future ends the run: nothing more is sent, and what was accepted goes on at
/// the service. A [`Control`] ends it with a report.
#[derive(Debug)]
#[must_use = "a run does nothing unless it is awaited"]
pub struct Run {
    run_id: String,
    machine: Machine,
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
