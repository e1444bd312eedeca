//! Drives a run: the I/O around its [state](super::state).

mod outage_guard;
mod read_servers;
mod submit;
mod wave_driver;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::clock::{after, until};
use ecs_client::{Problem, RequestError, SendState};
use ecs_model::{Accepted, JobId, JobStatus, ServerId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use self::outage_guard::OutageGuard;
use super::callbacks::{CanaryQuestion, HealthCheck};
use super::evidence::ServerList;
use super::hang::HangWatch;
use super::reconcile::{EvidenceQuery, Reconciler, list};
use super::state::{Resumption, RunState};
use super::verify::Verifier;
use crate::control::{Control, Level};
use crate::event::{Event, SIGN_OF_LIFE, Sink};
use crate::jobs::{JobUpdate, Subscription, WatchOptions};
use crate::journal::{OutcomeRecord, Record, RunJournal, ServerSnapshot};
use crate::report::{ServerReport, Stopped};
use crate::ticket::JobTicket;
use crate::{Client, Error, ErrorKind, rolling};

/// The result of a step.
enum Step {
    Submitted(usize, Result<Accepted, RequestError>),
    /// The job of a request has an update.
    JobUpdated(usize, JobUpdate),
    /// The servers, by a list that began at this time.
    Listed(ListPurpose, Instant, Result<ServerList, Error>),
    /// Servers that may be in the wanted state were read.
    ServersRead(Vec<ServerId>, Result<ServerList, Error>),
    /// A harmless read was made; whether the service answered as itself.
    Read(bool),
    /// A step of the waves was done; `None` if the run was stopped meanwhile.
    WavesAdvanced(Option<rolling::WaveEvent>),
}

/// Why servers are listed.
#[derive(Clone, Copy)]
enum ListPurpose {
    /// To reconcile lost answers.
    Reconcile,
    /// To verify servers whose job succeeded.
    Verify,
    /// To find servers that hang in their restart.
    Hangs,
}

#[derive(Clone, Copy)]
pub(super) struct Driver<'a> {
    pub(super) client: &'a Client,
    pub(super) control: &'a Control,
    pub(super) sink: &'a Sink,
    pub(super) log: &'a RunJournal,
    /// Ended when queries of jobs and servers are refused.
    pub(super) poll_control: &'a Control,
    /// The initial state of the servers, if a journal has it.
    pub(super) before: &'a [ServerSnapshot],
    pub(super) wait: bool,
    pub(super) reconcile: bool,
    /// A client of Cloud Trace Service, if there is one.
    pub(super) traces: Option<&'a Client>,
    /// How long after a request became unknown its servers may still be at work.
    pub(super) reconcile_limit: Duration,
    pub(super) health: Option<&'a HealthCheck>,
    pub(super) question: Option<&'a CanaryQuestion>,
    pub(super) limits: WaitLimits,
    /// The time a server has to come to rest after its job. `None`: not verified.
    pub(super) verify: Option<Duration>,
}

/// Limits of waiting for jobs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WaitLimits {
    /// The deadline of the run.
    pub(super) deadline: Option<Instant>,
    /// The limit of time without progress of a job.
    pub(super) stalled_after: Option<Duration>,
}

impl WaitLimits {
    /// Options for watching a job that began at this time.
    fn watch(self, ticket: &JobTicket, began: Option<Instant>) -> WatchOptions {
        WatchOptions {
            kind: ticket.kind(),
            began,
            at_once: false,
            deadline: self.deadline,
            stall_limit: self.stalled_after,
        }
    }
}

impl<'a> Driver<'a> {
    /// Submits requests and polls jobs until nothing is left to do.
    pub(super) async fn work(
        self,
        state: &mut RunState,
        send_states: &mut HashMap<usize, Arc<SendState>>,
        resumed: Resumption,
    ) {
        let mut steps: FuturesUnordered<BoxFuture<'a, Step>> = FuturesUnordered::new();
        let mut jobs = Subscription::new(Arc::clone(&self.client.0.registry));
        // Steps that ended while a record was written.
        let mut completed_steps: VecDeque<Step> = VecDeque::new();
        let mut submitting = 0;
        let mut reading_servers = false;
        let mut sign_at = after(self.client.0.core.scaled(SIGN_OF_LIFE));
        let mut outage = OutageGuard::new();
        let mut wave_driver =
            wave_driver::WaveDriver::new(resumed.lost_answer_at.map(|at| self.unknown_until(at)));
        let mut reconciler =
            Reconciler::with_initial_state(self.reconcile_limit, self.before, self.traces.cloned());
        reconciler.skip_resumed_jobs(state);
        let mut verifier = self.verify.map(Verifier::new);
        let mut hangs = HangWatch::new(self.client, state);
        for (servers, at) in resumed.counted {
            let age = self.client.0.core.clock().since(at);
            self.client.0.quota.restore(servers, age);
        }
        self.emit(resumed.known);
        self.write_records(&resumed.news, &[], None, &[]).await;
        wave_driver.note_unknown(self, &resumed.news);
        self.emit(resumed.news);
        self.halt_if_journal_failed(state);
        for (request, ticket) in resumed.jobs {
            let age = self
                .client
                .0
                .core
                .clock()
                .now()
                .duration_since(ticket.accepted_at().unwrap_or_default());
            let age = Duration::try_from(age).unwrap_or_default();
            let mut watch = self.limits.watch(&ticket, Instant::now().checked_sub(age));
            watch.at_once = true;
            jobs.watch(request, ticket.job_id().clone(), watch);
        }
        if self.reconcile {
            // Servers that may already have been acted on are left out: their current state is not
            // the initial one.
            let servers = &state.unsent();
            let listed = tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => Ok(()),
                listed = reconciler.fetch_initial_state(self.client, servers, self.sink) => listed,
            };
            if let Err(error) = listed {
                // What was asked for cannot be kept, so nothing is sent.
                let problem = error.problem().clone();
                match error.kind() {
                    ErrorKind::Credentials => state.refuse(problem),
                    _ => state.halt(problem.because(
                        "not sent, because the servers could not be listed for the reconciliation",
                    )),
                }
                self.control.halt();
            }
            let before = || Record::InitialState {
                servers: reconciler.before(),
            };
            drop(self.log.write(before).await);
            self.halt_if_journal_failed(state);
        }
        loop {
            let is_suspended = self.control.level() == Level::Suspended;
            if is_suspended && submitting == 0 {
                break;
            }
            self.drive_waves(state, &mut wave_driver, &mut steps);
            self.submit_more(state, &mut outage, &mut submitting, send_states, &mut steps);
            // If queries of jobs are refused, those of servers would be, too.
            if !state.is_denied() {
                if let Some(at) = reconciler.next_list(self.client, state) {
                    let query = reconciler.query(self.client, state);
                    steps.push(self.list(ListPurpose::Reconcile, at, query));
                }
                let verifier = verifier.as_mut();
                if let Some(at) =
                    verifier.and_then(|verifier| verifier.next_list(self.client, state))
                {
                    steps.push(self.list(ListPurpose::Verify, at, EvidenceQuery::default()));
                }
            }
            if !reading_servers && let Some(read) = self.read_servers(state) {
                reading_servers = true;
                steps.push(read);
            }
            let step = match completed_steps.pop_front() {
                Some(step) => step,
                None if steps.is_empty() && jobs.is_empty() => break,
                None => tokio::select! {
                    biased;
                    Some(step) = steps.next() => step,
                    Some((request, update)) = jobs.next() => Step::JobUpdated(request, update),
                    () = self.control.reached(Level::Suspended), if !is_suspended => continue,
                    () = until(hangs.next()) => {
                        if !hangs.begin(self.client, state).is_empty() && !state.is_denied() {
                            let query = EvidenceQuery::default();
                            steps.push(self.list(ListPurpose::Hangs, Instant::now(), query));
                        }
                        continue;
                    }
                    () = tokio::time::sleep_until(sign_at) => {
                        self.sink.emit(state.waiting());
                        sign_at = after(self.client.0.core.scaled(SIGN_OF_LIFE));
                        continue;
                    }
                },
            };
            if self.control.level() > Level::Go {
                state.stop_submitting();
            }
            let (events, finished_job) = match step {
                Step::Submitted(request, result) => {
                    submitting -= 1;
                    send_states.remove(&request);
                    outage.on_submitted(&result);
                    (self.on_submitted(state, request, result, &mut jobs), None)
                }
                Step::ServersRead(servers, read) => {
                    reading_servers = false;
                    let read = read.as_ref().map_err(Error::problem);
                    (state.servers_read(&servers, read), None)
                }
                Step::Read(answers) => {
                    outage.on_read(answers);
                    (Vec::new(), None)
                }
                Step::Listed(ListPurpose::Hangs, began, listed) => {
                    let listed = listed.as_ref().map_err(Error::problem);
                    hangs.on_list(self.client, state, began, listed);
                    let failed = listed.err().cloned();
                    let failed = failed.map(|error| Event::ListFailed { error });
                    (failed.into_iter().collect(), None)
                }
                Step::Listed(purpose, began, listed) => (
                    self.listed(
                        state,
                        purpose,
                        began,
                        listed,
                        &mut reconciler,
                        &mut verifier,
                    ),
                    None,
                ),
                Step::WavesAdvanced(event) => {
                    wave_driver.is_underway = false;
                    let event = event.and_then(|event| state.advance_waves(event));
                    (event.into_iter().collect(), None)
                }
                Step::JobUpdated(request, update) => {
                    let job = state.job(request).cloned();
                    let events = self.on_job_update(state, request, &update);
                    let finished_job = job.filter(|_| state.job(request).is_none());
                    if finished_job.is_some() {
                        jobs.unwatch(request);
                    }
                    (events, finished_job.map(|job_id| (job_id, update.status())))
                }
            };
            if state.is_denied() {
                jobs.unwatch_all();
            }
            let escalating = state.take_escalating();
            let found = reconciler.take_found();
            {
                // Other steps continue meanwhile: the journal may wait for one of them.
                let cleared = state.take_cleared();
                let writing = async {
                    self.write_found(&found).await;
                    self.write_records(&events, &cleared, finished_job, &escalating)
                        .await;
                };
                let mut writing = std::pin::pin!(writing);
                loop {
                    tokio::select! {
                        biased;
                        () = &mut writing => break,
                        Some(step) = steps.next() => completed_steps.push_back(step),
                    }
                }
            }
            wave_driver.note_unknown(self, &events);
            self.emit(events);
            for (request, ticket) in found.iter().filter(|_| self.wait && !state.is_denied()) {
                let watch = self.limits.watch(ticket, Some(Instant::now()));
                jobs.watch(*request, ticket.job_id().clone(), watch);
            }
            self.halt_if_journal_failed(state);
            let escalating = escalating.into_iter().map(|server| server.id).collect();
            let event = state.submit_hard_restarts(escalating);
            self.emit(event.into_iter().collect());
        }
    }

    /// Stops the run if the journal failed.
    fn halt_if_journal_failed(self, state: &mut RunState) {
        if let Some(problem) = self.log.broken()
            && state.journal_failed(problem.clone())
        {
            self.sink
                .emit(Event::stopping(Stopped::JournalFailed(problem)));
            self.control.halt();
        }
    }

    /// Lists the servers at this time, unless queries are refused by then. `query` is read before: a
    /// server at rest in the list is at rest after the actions that the records show.
    fn list(self, purpose: ListPurpose, at: Instant, query: EvidenceQuery) -> BoxFuture<'a, Step> {
        Box::pin(async move {
            tokio::time::sleep_until(at).await;
            let began = Instant::now();
            let read = async {
                query.run(self.client).await;
                list(self.client).await
            };
            let listed = tokio::select! {
                biased;
                () = self.poll_control.reached(Level::End) => Err(Error::invalid("no longer wanted")),
                listed = read => listed,
            };
            Step::Listed(purpose, began, listed)
        })
    }

    fn listed(
        self,
        state: &mut RunState,
        purpose: ListPurpose,
        began: Instant,
        listed: Result<ServerList, Error>,
        reconciler: &mut Reconciler,
        verifier: &mut Option<Verifier>,
    ) -> Vec<Event> {
        if state.is_denied() {
            return Vec::new();
        }
        if let Err(error) = &listed
            && error.kind() == ErrorKind::Credentials
        {
            return self.denied(state, error.problem());
        }
        let listed = listed.map_err(|error| error.problem().clone());
        let failed = listed.as_ref().err().cloned();
        let mut events: Vec<_> = failed
            .map(|error| Event::ListFailed { error })
            .into_iter()
            .collect();
        events.extend(match (purpose, verifier) {
            (ListPurpose::Reconcile, _) => reconciler.on_list(self.client, state, began, listed),
            (ListPurpose::Verify, Some(verifier)) => {
                verifier.on_list(self.client, state, began, listed)
            }
            (ListPurpose::Verify, None) | (ListPurpose::Hangs, _) => Vec::new(),
        });
        events
    }

    /// Queries are refused: others would be, too.
    fn denied(self, state: &mut RunState, problem: &Problem) -> Vec<Event> {
        self.control.halt();
        self.poll_control.end();
        let news = state.denied(problem.clone());
        let event = news.then(|| Event::stopping(Stopped::Denied(problem.clone())));
        event.into_iter().collect()
    }

    /// Records the jobs of lost requests that were found.
    async fn write_found(self, found: &[(usize, JobTicket)]) {
        for (request, ticket) in found {
            let record = || Record::Accepted {
                request: request + 1,
                job_id: ticket.job_id().clone(),
                request_id: None,
            };
            // A failure is handled by the caller.
            drop(self.log.write(record).await);
        }
    }

    /// Records what became known together, before it is emitted; and that a job is no longer
    /// polled.
    async fn write_records(
        self,
        events: &[Event],
        cleared: &[ServerReport],
        finished_job: Option<(JobId, Option<JobStatus>)>,
        escalating: &[ServerReport],
    ) {
        let ended = events.iter().filter_map(|event| match event {
            Event::ServerDone(server) => Some(server),
            _ => None,
        });
        let job_outcomes = cleared.iter().chain(ended).filter_map(OutcomeRecord::of);
        let servers: Vec<_> = job_outcomes.collect();
        // A failure is handled by the caller.
        if !servers.is_empty() {
            drop(self.log.write(|| Record::Outcomes { servers }).await);
        }
        if let Some((job_id, status)) = finished_job {
            let status = status.map(|status| status.as_str().to_owned());
            drop(
                self.log
                    .write(|| Record::JobFinished { job_id, status })
                    .await,
            );
        }
        let servers: Vec<_> = escalating.iter().filter_map(OutcomeRecord::of).collect();
        if !servers.is_empty() {
            drop(self.log.write(|| Record::Escalating { servers }).await);
        }
    }

    fn on_submitted(
        self,
        state: &mut RunState,
        request: usize,
        result: Result<Accepted, RequestError>,
        jobs: &mut Subscription,
    ) -> Vec<Event> {
        let events = match result {
            Ok(accepted) => {
                let ticket = JobTicket::new(
                    accepted.job_id,
                    self.client.origin(),
                    state.action_of(request),
                    state.servers(request).to_vec(),
                    self.client.0.core.clock().now(),
                    accepted.request_id,
                );
                // A job cannot be polled if queries are refused.
                if self.wait && !state.is_denied() {
                    let watch = self.limits.watch(&ticket, Some(Instant::now()));
                    jobs.watch(request, ticket.job_id().clone(), watch);
                }
                state.accepted(request, ticket).into_iter().collect()
            }
            Err(failure) => state.not_accepted(request, failure),
        };
        if state.is_halted() {
            self.control.halt();
        }
        events
    }

    fn on_job_update(self, state: &mut RunState, request: usize, update: &JobUpdate) -> Vec<Event> {
        match update {
            JobUpdate::Running(job) => state.polled(request, job, false),
            JobUpdate::Ended(job) => state.polled(request, job, true),
            JobUpdate::NotFoundYet => {
                state.poll_failed(request);
                Vec::new()
            }
            JobUpdate::QueryFailed(error, retry_after) => {
                state.poll_failed(request);
                let job_id = state.job(request).cloned();
                let event = job_id.map(|job_id| Event::QueryFailed {
                    job_id,
                    error: error.clone(),
                    retry_after: *retry_after,
                });
                event.into_iter().collect()
            }
            JobUpdate::Stalled => state.stalled(request).into_iter().collect(),
            JobUpdate::Lost(problem) => state.lost(request, problem.clone()),
            JobUpdate::Hidden(problem) => match state.hidden(request, problem) {
                Some(event) => vec![event],
                None => self.denied(state, problem),
            },
            JobUpdate::Denied(problem) => self.denied(state, problem),
        }
    }

    fn emit(self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.sink.emit(event));
    }
}

#[cfg(test)]
mod tests;
