//! Drives a run: the I/O around its [state](super::state).

mod outage_guard;
mod read_servers;
mod recheck;
mod submit;
mod wave_driver;
mod work_loop;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::{Problem, RequestError, SendState};
use ecs_model::{Accepted, ServerId};
use tokio::time::Instant;

use self::work_loop::WorkLoop;
use super::callbacks::{CanaryQuestion, HealthCheck};
use super::evidence::ServerList;
use super::observer::{ListQuery, Observer};
use super::reconcile::read_servers;
use super::state::{Decided, Rechecked, Resumption, RunState};
use crate::control::{Control, Level};
use crate::event::{Event, Sink};
use crate::fleet::ReadPurpose;
use crate::jobs::{JobUpdate, Subscription, WatchOptions};
use crate::journal::{Acceptance, RunJournal, ServerSnapshot};
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
    /// The time for which the servers of an unknown request may still be at work.
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
        let work = WorkLoop::begin(self, state, send_states, resumed).await;
        work.run().await;
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
        for event in decided.events {
            self.emit(state, event);
        }
        self.halt_if_journal_failed(state);
    }

    /// Emits an event, with the ticket of a new job if there are readers.
    fn emit(self, state: &RunState, mut event: Event) {
        event.add_ticket(|request| {
            if !self.sink.is_read() {
                return None;
            }
            state.ticket(request)
        });
        self.sink.emit(event);
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
            if let Some(event) = state.accepted(accepted) {
                self.emit(state, event);
            }
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
