//! Submits one request.

use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::clock::ClockReading;
use ecs_client::{
    ActionHooks, Classification, Notice, Problem, RequestContext, RequestError, SendState, chain,
};
use ecs_model::{
    Accepted, BatchRebootServers, BatchStartServers, BatchStopServers, ServerId, ValidationError,
};
use ecs_transport::SendMark;

use super::Driver;
use crate::action::PowerAction;
use crate::control::{Control, Level};
use crate::event::{Event, Sink};
use crate::journal::{Purpose, RequestJournal};
use crate::quota::QuotaPermit;

/// A request to submit.
pub(super) struct Submission {
    pub(super) index: usize,
    pub(super) action: PowerAction,
    pub(super) purpose: Purpose,
    pub(super) servers: Vec<ServerId>,
}

impl Driver<'_> {
    /// Sends a request until it is answered or given up.
    pub(super) async fn submit(
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
        let result = self.send(request.action, log, send_state).await;
        // The answer is recorded before anything else learns of it.
        match &result {
            Ok(accepted) => log.accepted(accepted).await,
            Err(error) if error.classification().proves_not_executed() => {}
            Err(error) => log.lost(error.problem()).await,
        }
        result
    }

    async fn send(
        self,
        action: PowerAction,
        log: RequestJournal<'_>,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        let servers = log.servers.to_vec();
        let mut hooks = RequestHooks {
            log,
            permit: self.acquire_permit(log).await?,
            control: self.control,
            sink: self.sink,
        };
        let client = &self.client.0.core;
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
    /// Returned when the request is done: immediately if the service cannot have counted it.
    permit: QuotaPermit,
    control: &'a Control,
    sink: &'a Sink,
}

impl ActionHooks for RequestHooks<'_> {
    fn before_send(&self, attempt: u32, now: ClockReading) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(self.log.announce(attempt, now))
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
