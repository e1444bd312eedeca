//! Submits one request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::clock::ClockReading;
use ecs_client::{
    ActionHooks, Classification, Notice, Problem, RequestContext, RequestError, SendState, chain,
};
use ecs_model::{
    Accepted, BatchRebootServers, BatchStartServers, BatchStopServers, ServerId, ValidationError,
};
use ecs_transport::{SendCheck, SendMark};
use futures_util::stream::FuturesUnordered;

use super::outage_guard::OutageGuard;
use super::{Driver, Step};
use crate::action::PowerAction;
use crate::control::{Control, Level};
use crate::event::{Event, Sink};
use crate::journal::{Admission, Purpose, QuotaLimits, RequestJournal};
use crate::quota::QuotaPermit;
use crate::runs::state::RunState;

/// A request to submit.
struct Submission {
    index: usize,
    action: PowerAction,
    purpose: Purpose,
    servers: Vec<ServerId>,
}

impl<'a> Driver<'a> {
    /// Submits the next requests, as many as may be underway.
    pub(super) fn submit_more(
        self,
        state: &mut RunState,
        outage: &mut OutageGuard,
        submitting: &mut usize,
        send_states: &mut HashMap<usize, Arc<SendState>>,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        outage.drive(self, state, steps);
        let most = if self.client.0.core.health().credentials_accepted() {
            self.client.0.concurrent_submissions
        } else {
            1
        };
        loop {
            let (at_once, trial) = outage.at_once(most);
            if *submitting >= at_once || self.control.level() != Level::Go {
                return;
            }
            let next = if trial {
                state.next_trial()
            } else {
                state.next_request()
            };
            let Some(request) = next else {
                return;
            };
            let send_state = Arc::new(SendState::default());
            send_states.insert(request, Arc::clone(&send_state));
            let submission = Submission {
                index: request,
                action: state.action_of(request),
                purpose: state.purpose(request),
                servers: state.servers(request).to_vec(),
            };
            steps.push(Box::pin(async move {
                let submitted = self.submit(submission, &send_state).await;
                Step::Submitted(request, submitted)
            }));
            *submitting += 1;
            outage.sent();
        }
    }

    /// Sends a request until it is answered or given up.
    async fn submit(
        self,
        request: Submission,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        let log = RequestJournal {
            log: self.log,
            request: request.index + 1,
            purpose: request.purpose,
            servers: &request.servers,
        };
        let sent = self.send(request.action, log, send_state).await;
        let result = sent.and_then(|accepted| self.check_job(accepted, send_state));
        // The answer is recorded before anything else learns of it.
        match &result {
            Ok(accepted) => log.accepted(accepted).await,
            Err(error) if error.classification().proves_not_executed() => {}
            Err(error) => log.lost(error.problem()).await,
        }
        result
    }

    /// Refuses the job of another request: something between client and service has repeated its
    /// answer, or sent this request instead. It proves nothing about this request.
    fn check_job(
        self,
        accepted: Accepted,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        if self.log.note_job(&accepted.job_id) {
            return Ok(accepted);
        }
        let job_id = &accepted.job_id;
        let message = format!("the answer names job {job_id}, which is the job of another request");
        let mut problem = Problem::new(message);
        if let Some(sent) = send_state.sent() {
            problem = problem.maybe_executed(sent);
        }
        Err(RequestError::new(Classification::Unknown, problem))
    }

    async fn send(
        self,
        action: PowerAction,
        log: RequestJournal<'_>,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        let servers = log.servers.to_vec();
        let client = &self.client.0.core;
        let quota = &self.client.0.quota;
        let mut hooks = RequestHooks {
            log,
            limits: QuotaLimits::new(quota.limit(), quota.window(), client.attempt_timeout()),
            permit: self.acquire_permit(log).await?,
            control: self.control,
            sink: self.sink,
        };
        let context = RequestContext::action(send_state, &mut hooks);
        let mut context = context.with_servers(log.servers.len());
        match action {
            PowerAction::Reboot(reboot_type) => {
                let operation = BatchRebootServers::new(reboot_type, servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
            PowerAction::Start => {
                let operation = BatchStartServers::new(servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
            PowerAction::Stop(stop_type) => {
                let operation = BatchStopServers::new(stop_type, servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
        }
    }

    /// Waits for a permit of the quota, unless the run submits nothing more.
    async fn acquire_permit(self, log: RequestJournal<'_>) -> Result<QuotaPermit, RequestError> {
        let quota = &self.client.0.quota;
        let servers = log.servers.len();
        if let Some(permit) = quota.try_acquire(servers) {
            return Ok(permit);
        }
        self.sink.emit(Event::WaitingForQuota {
            request: log.request,
            servers,
            retry_after: Some(quota.room_in(servers)),
        });
        tokio::select! {
            biased;
            () = self.control.reached(Level::Halted) => Err(RequestError::never_sent()),
            permit = quota.acquire(servers) => Ok(permit),
        }
    }
}

/// The hooks of a request: its records in the journal, the quota, events, and the end of the run.
struct RequestHooks<'a> {
    log: RequestJournal<'a>,
    limits: QuotaLimits,
    /// Returned when the request is done: immediately if the service cannot have counted it.
    permit: QuotaPermit,
    control: &'a Control,
    sink: &'a Sink,
}

impl RequestHooks<'_> {
    /// Announces an attempt, and waits as long as what it shares with other processes has no room
    /// for it.
    async fn announce(
        &self,
        attempt: u32,
        mut now: ClockReading,
    ) -> Result<Option<SendCheck>, Problem> {
        let mut waiting: Option<Event> = None;
        loop {
            // Before the journal is asked: whatever happens from now on counts.
            let since = self.log.log.moment();
            let announced = self.log.announce(attempt, now, self.limits).await?;
            let Some((event, pause)) = waiting_event(self.log, announced) else {
                return Ok(self.log.log.send_check(since));
            };
            if !waiting
                .as_ref()
                .is_some_and(|known| is_same_wait(known, &event))
            {
                self.sink.emit(event.clone());
                waiting = Some(event);
            }
            tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => {
                    return Err(Problem::new("stopped while the request waited"));
                }
                () = tokio::time::sleep(pause) => {}
            }
            now = self.log.log.clock_reading();
        }
    }
}

/// Returns `true` if a request still waits for the same. How long it will take may have changed.
fn is_same_wait(known: &Event, event: &Event) -> bool {
    let is_quota = |event: &Event| matches!(event, Event::WaitingForQuota { .. });
    known == event || (is_quota(known) && is_quota(event))
}

/// The reason and the duration of the wait of a request that was not admitted. `None`: it was admitted.
fn waiting_event(log: RequestJournal<'_>, admission: Admission) -> Option<(Event, Duration)> {
    let request = log.request;
    match admission {
        Admission::Admitted => None,
        Admission::QuotaFull { retry_after } => {
            let servers = log.servers.len();
            let event = Event::WaitingForQuota {
                request,
                servers,
                retry_after: Some(retry_after),
            };
            Some((event, retry_after))
        }
        Admission::ServersHeld {
            servers,
            retry_after,
        } => Some((Event::WaitingForServers { request, servers }, retry_after)),
    }
}

impl ActionHooks for RequestHooks<'_> {
    fn before_send(
        &self,
        attempt: u32,
        now: ClockReading,
    ) -> BoxFuture<'_, Result<Option<SendCheck>, Problem>> {
        Box::pin(self.announce(attempt, now))
    }

    fn attempt_started(&mut self, mark: &SendMark) {
        self.permit.may_be_counted(mark.clone());
    }

    fn attempt_not_executed(&mut self) {
        self.permit.not_counted();
    }

    fn not_executed<'a>(
        &'a self,
        error: &'a RequestError,
        retry_after: Option<Duration>,
    ) -> BoxFuture<'a, ()> {
        let throttled = error.classification() == Classification::Throttled;
        let problem = error.problem();
        Box::pin(self.log.not_executed(throttled, retry_after, problem))
    }

    fn notify(&self, notice: Notice) {
        let request = self.log.request;
        self.sink.emit(match notice {
            Notice::Sending => Event::Submitting {
                request,
                servers: self.log.servers.len(),
            },
            Notice::Throttled(error, retry_after) => Event::Throttled {
                request,
                error,
                retry_after,
            },
            Notice::Retrying(error, retry_after) => Event::Retrying {
                request,
                error,
                retry_after,
            },
        });
    }

    fn is_stopped(&self) -> bool {
        self.control.level() >= Level::Halted
    }

    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.control.reached(Level::Halted))
    }
}

/// Cannot happen: the plan was checked.
fn invalid(error: ValidationError) -> RequestError {
    RequestError::new(Classification::Refused, Problem::new(chain(&error)))
}

#[cfg(test)]
mod tests;
