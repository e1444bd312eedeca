//! Running a run: the I/O around the [machine](super::machine).

mod between;
mod submit;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::{Problem, RequestError, SendState};
use ecs_model::{Accepted, JobId, JobStatus};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::callbacks::{HealthCheck, Question};
use super::evidence::Snapshot;
use super::machine::{Machine, Resumed};
use super::reconcile::{Reconciler, list};
use super::settle::Settler;
use crate::control::{Control, Level};
use crate::event::{Event, Sink};
use crate::jobs::{Sighting, Subscription, Watch};
use crate::journal::{Log, Record, Seen, ServerVerdict};
use crate::report::ServerReport;
use crate::ticket::JobTicket;
use crate::{Client, Error, ErrorKind, rolling};

/// One step that is underway.
enum Step {
    Submitted(usize, Result<Accepted, RequestError>),
    /// Something was seen of the job of a batch.
    Seen(usize, Sighting),
    /// The servers, listed from this time on.
    Listed(For, Instant, Result<Snapshot, Error>),
    /// What a rolling run wanted was done; nothing, if the run was stopped meanwhile.
    Rolled(Option<rolling::Event>),
}

/// What servers are listed for.
#[derive(Clone, Copy)]
enum For {
    /// To see what became of those of unknown fate.
    Evidence,
    /// To see whether those have settled whose job succeeded.
    Rest,
}

#[derive(Clone, Copy)]
pub(super) struct Driver<'a> {
    pub(super) client: &'a Client,
    pub(super) control: &'a Control,
    pub(super) sink: &'a Sink,
    pub(super) log: &'a Log,
    /// Ended when looking at jobs and servers is refused.
    pub(super) looking: &'a Control,
    /// The servers as they were before the run, where its journal says that.
    pub(super) before: &'a [Seen],
    pub(super) wait: bool,
    pub(super) reconcile: bool,
    pub(super) health: Option<&'a HealthCheck>,
    pub(super) question: Option<&'a Question>,
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

impl Patience {
    /// How a job is watched that began then.
    fn watch(self, ticket: &JobTicket, began: Option<Instant>) -> Watch {
        Watch {
            kind: ticket.kind(),
            began,
            at_once: false,
            deadline: self.deadline,
            patience: self.stalled_after,
        }
    }
}

impl<'a> Driver<'a> {
    /// Submits and watches until nothing is left to do.
    pub(super) async fn work(
        self,
        machine: &mut Machine,
        flights: &mut HashMap<usize, Arc<SendState>>,
        resumed: Resumed,
    ) {
        let mut steps: FuturesUnordered<BoxFuture<'a, Step>> = FuturesUnordered::new();
        let mut jobs = Subscription::new(Arc::clone(&self.client.0.hub));
        // Steps that ended while something was written down.
        let mut finished: VecDeque<Step> = VecDeque::new();
        let mut submitting = 0;
        let mut between = between::Between::new(resumed.unclear.map(|at| self.unclear_until(at)));
        let mut reconciler = Reconciler::knowing(self.before);
        let mut settler = self.verify.map(Settler::new);
        self.emit(resumed.known);
        self.write_down(&resumed.news, &[], None, &[]).await;
        between.learn(self, &resumed.news);
        self.emit(resumed.news);
        self.halt_if_unrecorded(machine);
        for (batch, ticket) in resumed.jobs {
            let age = self
                .client
                .0
                .core
                .clock()
                .now()
                .duration_since(ticket.accepted_at().unwrap_or_default());
            let age = Duration::try_from(age).unwrap_or_default();
            let mut watch = self
                .patience
                .watch(&ticket, Instant::now().checked_sub(age));
            watch.at_once = true;
            jobs.watch(batch, ticket.job_id().clone(), watch);
        }
        if self.reconcile {
            // Of those that may have been acted on already, what is seen now is not how they were before.
            let servers = &machine.unsent();
            let refused = tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => None,
                refused = reconciler.begin(self.client, servers, self.sink) => refused,
            };
            if let Some(refused) = refused {
                machine.refuse(refused);
                self.control.halt();
            }
            let before = || Record::Before {
                servers: reconciler.before(),
            };
            drop(self.log.write(before).await);
            self.halt_if_unrecorded(machine);
        }
        loop {
            self.roll(machine, &mut between, &mut steps);
            let at_once = match self.client.0.core.health().credentials_accepted() {
                true => self.client.0.concurrent_submissions,
                false => 1,
            };
            while submitting < at_once
                && self.control.level() == Level::Go
                && let Some(batch) = machine.next_batch()
            {
                let flight = Arc::new(SendState::default());
                flights.insert(batch, Arc::clone(&flight));
                let request = submit::Batch {
                    index: batch,
                    action: machine.action_of(batch),
                    purpose: machine.purpose(batch),
                    servers: machine.servers(batch).to_vec(),
                };
                steps.push(Box::pin(async move {
                    let submitted = self.submit(request, &flight).await;
                    Step::Submitted(batch, submitted)
                }));
                submitting += 1;
            }
            // Who may not look at jobs is told the same of servers.
            if !machine.is_denied() {
                if let Some(at) = reconciler.next_look(self.client, machine) {
                    steps.push(self.list(For::Evidence, at));
                }
                let settler = settler.as_mut();
                if let Some(at) = settler.and_then(|it| it.next_look(self.client, machine)) {
                    steps.push(self.list(For::Rest, at));
                }
            }
            let step = match finished.pop_front() {
                Some(step) => step,
                None => tokio::select! {
                    biased;
                    Some(step) = steps.next() => step,
                    Some((batch, sighting)) = jobs.next() => Step::Seen(batch, sighting),
                    else => break,
                },
            };
            if self.control.level() > Level::Go {
                machine.submit_no_more();
            }
            let (events, over) = match step {
                Step::Submitted(batch, result) => {
                    submitting -= 1;
                    flights.remove(&batch);
                    (self.submitted(machine, batch, result, &mut jobs), None)
                }
                Step::Listed(why, began, listed) => (
                    self.listed(machine, why, began, listed, &mut reconciler, &mut settler),
                    None,
                ),
                Step::Rolled(event) => {
                    between.is_underway = false;
                    let told = event.and_then(|event| machine.rolled(event));
                    (told.into_iter().collect(), None)
                }
                Step::Seen(batch, sighting) => {
                    let job = machine.job(batch).cloned();
                    let events = self.seen(machine, batch, &sighting);
                    let over = job.filter(|_| machine.job(batch).is_none());
                    if over.is_some() {
                        jobs.unwatch(batch);
                    }
                    (events, over.map(|job_id| (job_id, sighting.status())))
                }
            };
            if machine.is_denied() {
                jobs.unwatch_all();
            }
            let escalating = machine.take_escalating();
            {
                // The others go on meanwhile: one of them may hold what the journal waits for.
                let freed = machine.take_freed();
                let writing = self.write_down(&events, &freed, over, &escalating);
                let mut writing = std::pin::pin!(writing);
                loop {
                    tokio::select! {
                        biased;
                        () = &mut writing => break,
                        Some(step) = steps.next() => finished.push_back(step),
                    }
                }
            }
            between.learn(self, &events);
            self.emit(events);
            self.halt_if_unrecorded(machine);
            let escalating = escalating.into_iter().map(|server| server.id).collect();
            let event = machine.send_hard(escalating);
            self.emit(event.into_iter().collect());
        }
    }

    /// Where nothing more can be written down, nothing more is sent.
    fn halt_if_unrecorded(self, machine: &mut Machine) {
        if let Some(problem) = self.log.broken()
            && machine.unrecorded(problem.clone())
        {
            let reason = problem.message;
            self.sink.emit(Event::Stopping { reason });
            self.control.halt();
        }
    }

    /// Lists the servers at that time, unless looking at anything is refused by then.
    fn list(self, why: For, at: Instant) -> BoxFuture<'a, Step> {
        Box::pin(async move {
            tokio::time::sleep_until(at).await;
            let began = Instant::now();
            let listed = tokio::select! {
                biased;
                () = self.looking.reached(Level::End) => Err(Error::invalid("no longer wanted")),
                listed = list(self.client) => listed,
            };
            Step::Listed(why, began, listed)
        })
    }

    fn listed(
        self,
        machine: &mut Machine,
        why: For,
        began: Instant,
        listed: Result<Snapshot, Error>,
        reconciler: &mut Reconciler,
        settler: &mut Option<Settler>,
    ) -> Vec<Event> {
        if machine.is_denied() {
            return Vec::new();
        }
        if let Err(error) = &listed
            && error.kind() == ErrorKind::Credentials
        {
            return self.denied(machine, error.problem());
        }
        let listed = listed.map_err(|error| error.problem().clone());
        let failed = listed.as_ref().err().cloned();
        let mut events: Vec<_> = failed
            .map(|error| Event::ListFailed { error })
            .into_iter()
            .collect();
        events.extend(match (why, settler) {
            (For::Evidence, _) => reconciler.looked(self.client, machine, began, listed),
            (For::Rest, Some(settler)) => settler.looked(self.client, machine, began, listed),
            (For::Rest, None) => Vec::new(),
        });
        events
    }

    /// We may not look any more: the others would be told the same.
    fn denied(self, machine: &mut Machine, problem: &Problem) -> Vec<Event> {
        self.control.halt();
        self.looking.end();
        let reason = problem.message.clone();
        let news = machine.denied(problem.clone());
        let event = news.then_some(Event::Stopping { reason });
        event.into_iter().collect()
    }

    /// Writes down what becomes known at once, before anybody is told; and that a job is not looked at any more.
    async fn write_down(
        self,
        events: &[Event],
        freed: &[ServerReport],
        over: Option<(JobId, Option<JobStatus>)>,
        escalating: &[ServerReport],
    ) {
        let ended = events.iter().filter_map(|event| match event {
            Event::ServerDone(server) => Some(server),
            _ => None,
        });
        let verdicts = freed.iter().chain(ended).filter_map(ServerVerdict::of);
        let servers: Vec<_> = verdicts.collect();
        // What cannot be written down is found out below.
        if !servers.is_empty() {
            drop(self.log.write(|| Record::Verdicts { servers }).await);
        }
        if let Some((job_id, status)) = over {
            let status = status.map(|status| status.as_str().to_owned());
            drop(self.log.write(|| Record::JobOver { job_id, status }).await);
        }
        let servers: Vec<_> = escalating.iter().filter_map(ServerVerdict::of).collect();
        if !servers.is_empty() {
            drop(self.log.write(|| Record::Escalating { servers }).await);
        }
    }

    fn submitted(
        self,
        machine: &mut Machine,
        batch: usize,
        result: Result<Accepted, RequestError>,
        jobs: &mut Subscription,
    ) -> Vec<Event> {
        let events = match result {
            Ok(accepted) => {
                let ticket = JobTicket::new(
                    accepted.job_id,
                    self.client.place(),
                    machine.action_of(batch),
                    machine.servers(batch).to_vec(),
                    self.client.0.core.clock().now(),
                    accepted.request_id,
                );
                // Who may not look is not told how it ends.
                if self.wait && !machine.is_denied() {
                    let watch = self.patience.watch(&ticket, Some(Instant::now()));
                    jobs.watch(batch, ticket.job_id().clone(), watch);
                }
                machine.accepted(batch, ticket).into_iter().collect()
            }
            Err(failure) => machine.not_accepted(batch, failure),
        };
        if machine.is_halted() {
            self.control.halt();
        }
        events
    }

    fn seen(self, machine: &mut Machine, batch: usize, sighting: &Sighting) -> Vec<Event> {
        match sighting {
            Sighting::Goes(job) => machine.looked(batch, job, false),
            Sighting::Ended(job) => machine.looked(batch, job, true),
            Sighting::NotYet => Vec::new(),
            Sighting::Trouble(error, retry_after) => {
                let job_id = machine.job(batch).cloned();
                let event = job_id.map(|job_id| Event::QueryFailed {
                    job_id,
                    error: error.clone(),
                    retry_after: *retry_after,
                });
                event.into_iter().collect()
            }
            Sighting::Stalled => machine.stalled(batch).into_iter().collect(),
            Sighting::Lost(problem) => machine.lost(batch, problem.clone()),
            Sighting::Denied(problem) => self.denied(machine, problem),
        }
    }

    fn emit(self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.sink.emit(event));
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
