//! Submitting one batch.

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
use crate::journal::{BatchLog, Purpose};
use crate::pace::Share;

/// What is submitted as one batch.
pub(super) struct Batch {
    pub(super) index: usize,
    pub(super) action: PowerAction,
    pub(super) purpose: Purpose,
    pub(super) servers: Vec<ServerId>,
}

impl Driver<'_> {
    /// Sends a batch until it is answered, or given up.
    pub(super) async fn submit(
        self,
        batch: Batch,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        let log = BatchLog {
            log: self.log,
            batch: batch.index + 1,
            purpose: batch.purpose,
            servers: &batch.servers,
        };
        let result = self.send(batch.action, log, send_state).await;
        // The answer is written down before anything else learns of it.
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
        log: BatchLog<'_>,
        send_state: &SendState,
    ) -> Result<Accepted, RequestError> {
        let servers = log.servers.to_vec();
        let mut hooks = BatchHooks {
            log,
            share: self.take_share(log).await?,
            control: self.control,
            sink: self.sink,
        };
        let client = &self.client.0.core;
        let mut context = RequestContext::action(send_state, &mut hooks);
        match action {
            PowerAction::Reboot(kind) => {
                let operation = BatchRebootServers::new(kind, servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
            PowerAction::Start => {
                let operation = BatchStartServers::new(servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
            PowerAction::Stop(kind) => {
                let operation = BatchStopServers::new(kind, servers).map_err(invalid)?;
                client.execute(&operation, &mut context).await
            }
        }
    }

    /// Waits for the batch's share of the quota, unless the run submits nothing more.
    async fn take_share(self, log: BatchLog<'_>) -> Result<Share, RequestError> {
        let pace = &self.client.0.pace;
        let servers = log.servers.len();
        if let Some(share) = pace.try_acquire(servers) {
            return Ok(share);
        }
        self.sink.emit(Event::WaitingForQuota {
            batch: log.batch,
            servers,
        });
        tokio::select! {
            biased;
            () = self.control.reached(Level::Halted) => Err(RequestError::never_sent()),
            share = pace.acquire(servers) => Ok(share),
        }
    }
}

/// What happens around the attempts of a batch: records in the journal, the quota, events, and the end of the run.
struct BatchHooks<'a> {
    log: BatchLog<'a>,
    /// Given back when the batch is done: at once, if the service cannot have counted it.
    share: Share,
    control: &'a Control,
    sink: &'a Sink,
}

impl ActionHooks for BatchHooks<'_> {
    fn before_send(&self, attempt: u32, now: ClockReading) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(self.log.announce(attempt, now))
    }

    fn attempt_started(&mut self, mark: &SendMark) {
        self.share.may_be_counted(mark.clone());
    }

    fn attempt_not_executed(&mut self) {
        self.share.not_counted();
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
        let batch = self.log.batch;
        self.sink.emit(match notice {
            Notice::Sending => Event::Submitting {
                batch,
                servers: self.log.servers.len(),
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
    }

    fn is_stopped(&self) -> bool {
        self.control.level() >= Level::Halted
    }

    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.control.reached(Level::Halted))
    }
}

/// The plan was checked before anything was sent.
fn invalid(error: ValidationError) -> RequestError {
    RequestError::new(Classification::Refused, Problem::new(chain(&error)))
}

#[cfg(test)]
mod tests;
