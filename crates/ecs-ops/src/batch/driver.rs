//! Running a run: the I/O around the [machine](super::machine).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{
    Accepted, BatchRebootServers, BatchStartServers, BatchStopServers, ServerId, ValidationError,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::evidence::Snapshot;
use super::machine::Machine;
use super::reconcile::{Reconciler, list};
use super::settle::Settler;
use crate::Client;
use crate::control::{Control, Level};
use crate::error::chain;
use crate::event::{Event, Sink};
use crate::exec::{ActionScope, Failure, Flight, Notice, Scope};
use crate::jobs::{JobTicket, Sighting, Subscription, Watch};
use crate::policy::Judgement;
use crate::report::{PowerAction, Problem};

/// One step that is underway.
enum Step {
    Submitted(usize, Result<Accepted, Failure>),
    /// Something was seen of the job of a batch.
    Seen(usize, Sighting),
    /// The servers, listed from this time on.
    Listed(Instant, Result<Snapshot, Problem>),
    /// The same, to see whether servers have settled.
    Settled(Instant, Result<Snapshot, Problem>),
}

#[derive(Clone, Copy)]
pub(super) struct Driver<'a> {
    pub(super) client: &'a Client,
    pub(super) control: &'a Control,
    pub(super) sink: &'a Sink,
    pub(super) action: PowerAction,
    pub(super) wait: bool,
    pub(super) reconcile: bool,
    pub(super) patience: Patience,
    /// How long a server may take to settle after its job, if that is looked at.
    pub(super) verify: Option<Duration>,
}

/// How long jobs are waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// Until then.
    pub(super) deadline: Option<Instant>,
    /// As long as a job does not stand still for so long.
    pub(super) stalled_after: Option<Duration>,
}

impl<'a> Driver<'a> {
    /// Submits and watches until nothing is left to do.
    pub(super) async fn work(
        self,
        machine: &mut Machine,
        flights: &mut HashMap<usize, Arc<Flight>>,
    ) {
        let mut steps: FuturesUnordered<BoxFuture<'a, Step>> = FuturesUnordered::new();
        let mut jobs = Subscription::new(Arc::clone(&self.client.0));
        let mut submitting = 0;
        let mut reconciler = Reconciler::default();
        let mut settler = self.verify.map(Settler::new);
        if self.reconcile {
            let servers = machine.all_servers();
            let refused = tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => None,
                refused = reconciler.begin(self.client, servers, self.sink) => refused,
            };
            if let Some(refused) = refused {
                machine.refuse(refused);
            }
        }
        loop {
            let at_once = match self.client.0.contact.is_welcome() {
                true => self.client.0.concurrent_submissions,
                false => 1,
            };
            while submitting < at_once
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
            if let Some(at) = reconciler.next_look(self.client, machine) {
                steps.push(Box::pin(async move {
                    tokio::time::sleep_until(at).await;
                    let began = Instant::now();
                    Step::Listed(began, list(self.client).await)
                }));
            }
            if let Some(settler) = &mut settler
                && let Some(at) = settler.next_look(self.client, machine)
            {
                steps.push(Box::pin(async move {
                    tokio::time::sleep_until(at).await;
                    let began = Instant::now();
                    Step::Settled(began, list(self.client).await)
                }));
            }
            let step = tokio::select! {
                biased;
                Some(step) = steps.next() => step,
                Some((batch, sighting)) = jobs.next() => Step::Seen(batch, sighting),
                else => break,
            };
            if self.control.level() > Level::Go {
                machine.submit_no_more();
            }
            match step {
                Step::Submitted(batch, result) => {
                    submitting -= 1;
                    flights.remove(&batch);
                    self.submitted(machine, batch, result, &mut jobs);
                }
                Step::Listed(began, listed) => {
                    self.emit(reconciler.looked(self.client, machine, began, listed));
                }
                Step::Settled(began, listed) => {
                    if let Some(settler) = &mut settler {
                        self.emit(settler.looked(machine, began, listed));
                    }
                }
                Step::Seen(batch, sighting) => {
                    self.seen(machine, batch, sighting);
                    if machine.job(batch).is_none() {
                        jobs.unwatch(batch);
                    }
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
        jobs: &mut Subscription,
    ) {
        match result {
            Ok(accepted) => {
                let ticket = JobTicket::new(
                    accepted.job_id,
                    self.client.place(),
                    self.action,
                    machine.servers(batch).to_vec(),
                    self.client.0.clock.now(),
                    accepted.request_id,
                );
                if self.wait {
                    let watch = Watch {
                        kind: ticket.kind(),
                        began: Some(Instant::now()),
                        at_once: false,
                        deadline: self.patience.deadline,
                        patience: self.patience.stalled_after,
                    };
                    jobs.watch(batch, ticket.job_id().clone(), watch);
                }
                let event = machine.accepted(batch, ticket);
                event.into_iter().for_each(|event| self.sink.emit(event));
            }
            Err(failure) => self.emit(machine.not_accepted(batch, failure)),
        }
        if machine.is_halted() {
            self.control.halt();
        }
    }

    fn seen(self, machine: &mut Machine, batch: usize, sighting: Sighting) {
        match sighting {
            Sighting::Goes(job) => self.emit(machine.looked(batch, &job, false)),
            Sighting::Ended(job) => self.emit(machine.looked(batch, &job, true)),
            Sighting::NotYet => {}
            Sighting::Trouble(error, retry_after) => {
                if let Some(job_id) = machine.job(batch).cloned() {
                    self.sink.emit(Event::QueryFailed {
                        job_id,
                        error,
                        retry_after,
                    });
                }
            }
            Sighting::Stalled => self.emit(machine.stalled(batch).into_iter().collect()),
            Sighting::Lost(problem) => self.emit(machine.lost(batch, problem)),
            Sighting::Denied(problem) => {
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
