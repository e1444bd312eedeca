//! Drives a run: the I/O around its [state](super::state).

mod outage_guard;
mod read_servers;
mod recheck;
mod submit;
mod wave_driver;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::clock::{after, until};
use ecs_client::{Problem, RequestError, SendState};
use ecs_model::{Accepted, ServerId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use self::outage_guard::OutageGuard;
use super::callbacks::{CanaryQuestion, HealthCheck};
use super::evidence::ServerList;
use super::hang::HangWatch;
use super::observer::{ListQuery, Observer};
use super::reconcile::{Reconciler, read_servers};
use super::state::{Decided, Rechecked, Resumption, RunState};
use super::verify::Verifier;
use crate::control::{Control, Level};
use crate::event::{Event, SIGN_OF_LIFE, Sink};
use crate::fleet::ReadPurpose;
use crate::jobs::{JobUpdate, Subscription, WatchOptions};
use crate::journal::{Acceptance, Record, RunJournal, ServerSnapshot};
use crate::report::Stopped;
use crate::ticket::kind_of_job;
use crate::{Client, Error, ErrorKind, rolling};

/// The result of a step.
enum Step {
    Submitted(usize, Result<Accepted, RequestError>),
    /// The job of a request has an update.
    JobUpdated(usize, JobUpdate),
    /// The servers, by the list that was underway.
    Listed(Result<ServerList, Error>),
    /// Servers that may be in the wanted state were read.
    ServersRead(Vec<ServerId>, Result<ServerList, Error>),
    /// A harmless read was made; whether the service answered as itself.
    Read(bool),
    /// The servers of the next wave were read; `None` if the run was stopped meanwhile.
    WaveRechecked(Option<Rechecked>),
    /// A step of the waves was done; `None` if the run was stopped meanwhile.
    WavesAdvanced(Option<rolling::WaveEvent>),
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
        let mut wave_driver = wave_driver::WaveDriver::new(self, &resumed);
        let mut reconciler =
            Reconciler::with_initial_state(self.reconcile_limit, self.before, self.traces.cloned());
        reconciler.skip_resumed_jobs(state);
        for (servers, at) in resumed.counted {
            let age = self.client.0.core.clock().since(at);
            self.client.0.quota.restore(servers, age);
        }
        resumed
            .known
            .into_iter()
            .for_each(|event| self.sink.emit(event));
        let decided = state.conclude(resumed.news);
        wave_driver.note_unknown(self, &decided.events);
        self.commit(state, decided).await;
        // Those of a resumed run.
        for job in state.accepted_jobs() {
            let age = self.client.0.core.clock().since(job.accepted);
            let began = Instant::now().checked_sub(age);
            self.watch(state, &mut jobs, job.index(), began, true);
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
        let hangs = HangWatch::new(self.client, state);
        let mut observer = Observer::new(reconciler, self.verify.map(Verifier::new), hangs);
        loop {
            let is_suspended = self.control.level() == Level::Suspended;
            if is_suspended && submitting == 0 {
                break;
            }
            self.drive_waves(state, &mut wave_driver, &mut steps);
            self.submit_more(state, &mut outage, &mut submitting, send_states, &mut steps);
            // If queries of jobs are refused, those of servers would be, too.
            let list_at = match state.is_denied() {
                true => None,
                false => observer.next_list(self.client, state),
            };
            if !reading_servers && let Some(read) = self.read_servers(state) {
                reading_servers = true;
                steps.push(read);
            }
            let step = match completed_steps.pop_front() {
                Some(step) => step,
                None if steps.is_empty()
                    && jobs.is_empty()
                    && (state.is_denied() || !observer.needs_list(self.client, state)) =>
                {
                    break;
                }
                None => tokio::select! {
                    biased;
                    Some(step) = steps.next() => step,
                    Some((request, update)) = jobs.next() => Step::JobUpdated(request, update),
                    () = self.control.reached(Level::Suspended), if !is_suspended => continue,
                    () = until(list_at) => {
                        let query = observer.begin_list(self.client, state);
                        steps.extend(query.map(|query| self.list(query)));
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
            let events = match step {
                Step::Submitted(request, result) => {
                    submitting -= 1;
                    send_states.remove(&request);
                    outage.on_submitted(&result);
                    self.on_submitted(state, request, result, &mut jobs)
                }
                Step::ServersRead(servers, read) => {
                    reading_servers = false;
                    state.servers_read(&servers, read.as_ref().map_err(Error::problem))
                }
                Step::Read(answers) => {
                    outage.on_read(answers);
                    Vec::new()
                }
                Step::Listed(listed) => self.listed(state, &mut observer, listed),
                Step::WaveRechecked(rechecked) => {
                    wave_driver.is_underway = false;
                    rechecked.map_or_else(Vec::new, |rechecked| state.wave_rechecked(rechecked))
                }
                Step::WavesAdvanced(event) => {
                    wave_driver.is_underway = false;
                    let event = event.and_then(|event| state.advance_waves(event));
                    event.into_iter().collect()
                }
                Step::JobUpdated(request, update) => {
                    let events = self.on_job_update(state, request, &update);
                    if state.job(request).is_none() {
                        jobs.unwatch(request);
                    }
                    events
                }
            };
            if state.is_denied() {
                jobs.unwatch_all();
            }
            let mut decided = state.conclude(events);
            let found = std::mem::take(&mut decided.found);
            wave_driver.note_unknown(self, &decided.events);
            {
                let commit = self.commit(state, decided);
                let mut commit = std::pin::pin!(commit);
                // Other steps continue meanwhile: the journal may wait for one of them.
                loop {
                    tokio::select! {
                        biased;
                        () = &mut commit => break,
                        Some(step) = steps.next() => completed_steps.push_back(step),
                    }
                }
            }
            for Acceptance { request, .. } in found {
                self.log.take_accepted(request);
                self.watch_new(state, &mut jobs, request - 1);
            }
        }
    }

    /// Polls the job of a request that has one since now.
    fn watch_new(self, state: &RunState, jobs: &mut Subscription, index: usize) {
        // A job cannot be polled if queries are refused.
        if self.wait && !state.is_denied() {
            self.watch(state, jobs, index, Some(Instant::now()), false);
        }
    }

    fn watch(
        self,
        state: &RunState,
        jobs: &mut Subscription,
        index: usize,
        began: Option<Instant>,
        at_once: bool,
    ) {
        let Some(job) = state.polled_job(index) else {
            return;
        };
        let action = state.action_of(index);
        let options = WatchOptions {
            kind: Some(kind_of_job(
                (action.name(), action.type_name()),
                job.servers,
            )),
            began,
            at_once,
            deadline: self.limits.deadline,
            stall_limit: self.limits.stalled_after,
        };
        jobs.watch(index, job.job_id.clone(), options);
    }

    /// Records what a step decided, and then emits it: the one place for both.
    async fn commit(self, state: &mut RunState, decided: Decided) {
        for record in decided.records {
            // The failure is kept, and stops the run below.
            drop(self.log.write(|| record).await);
        }
        decided
            .events
            .into_iter()
            .for_each(|event| self.sink.emit(event));
        self.halt_if_journal_failed(state);
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

    /// Lists servers, unless queries are refused meanwhile. The evidence is read before: a server at
    /// rest in the list is at rest after the actions that the records show.
    fn list(self, query: ListQuery) -> BoxFuture<'a, Step> {
        Box::pin(async move {
            let read = async {
                query.evidence.run(self.client).await;
                read_servers(self.client, &query.servers, ReadPurpose::Evidence).await
            };
            Step::Listed(tokio::select! {
                biased;
                () = self.poll_control.reached(Level::End) => Err(Error::invalid("no longer wanted")),
                listed = read => listed,
            })
        })
    }

    fn listed(
        self,
        state: &mut RunState,
        observer: &mut Observer,
        listed: Result<ServerList, Error>,
    ) -> Vec<Event> {
        if state.is_denied() {
            return Vec::new();
        }
        if let Err(error) = &listed
            && error.kind() == ErrorKind::Credentials
            && !observer.is_optional()
        {
            return self.denied(state, error.problem());
        }
        let listed = listed.as_ref().map_err(Error::problem);
        let failed = listed.err().map(|error| Event::ListFailed {
            error: error.clone(),
        });
        let mut events: Vec<_> = failed.into_iter().collect();
        events.extend(observer.on_list(self.client, state, listed));
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

    fn on_submitted(
        self,
        state: &mut RunState,
        request: usize,
        result: Result<Accepted, RequestError>,
        jobs: &mut Subscription,
    ) -> Vec<Event> {
        let events = match result {
            Ok(accepted) => {
                let recorded = self.log.take_accepted(request + 1);
                let event = state.accepted(recorded.unwrap_or_else(|| Acceptance {
                    request: request + 1,
                    at: self.client.0.core.clock().now(),
                    job_id: accepted.job_id,
                    request_id: accepted.request_id,
                }));
                self.watch_new(state, jobs, request);
                event.into_iter().collect()
            }
            Err(failure) => state.not_accepted(request, failure),
        };
        if state.is_halted() {
            self.control.halt();
        }
        events
    }

    /// Requests that were cut off, of which the journal says that they were accepted, are.
    pub(super) fn accept_as_recorded(
        self,
        state: &mut RunState,
        send_states: &mut HashMap<usize, Arc<SendState>>,
    ) {
        send_states.retain(|&request, _| {
            let Some(accepted) = self.log.take_accepted(request + 1) else {
                return true;
            };
            let event = state.accepted(accepted);
            event.into_iter().for_each(|event| self.sink.emit(event));
            false
        });
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
}

#[cfg(test)]
mod tests;
