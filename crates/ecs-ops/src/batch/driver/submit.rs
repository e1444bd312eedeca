//! Submitting one batch.

use ecs_model::{
    Accepted, BatchRebootServers, BatchStartServers, BatchStopServers, ServerId, ValidationError,
};

use super::Driver;
use crate::control::Level;
use crate::error::chain;
use crate::event::Event;
use crate::exec::{ActionScope, Failure, Flight, Notice, Scope};
use crate::journal::{BatchLog, Purpose};
use crate::policy::Judgement;
use crate::report::{PowerAction, Problem};

/// What is submitted as one batch.
pub(super) struct Batch {
    pub(super) index: usize,
    pub(super) action: PowerAction,
    pub(super) purpose: Purpose,
    pub(super) servers: Vec<ServerId>,
}

impl Driver<'_> {
    /// Sends a batch until it is answered, or given up.
    pub(super) async fn submit(self, batch: Batch, flight: &Flight) -> Result<Accepted, Failure> {
        let log = BatchLog {
            log: self.log,
            batch: batch.index + 1,
            purpose: batch.purpose,
            servers: &batch.servers,
        };
        let result = self.send(batch.action, log, flight).await;
        // Nobody hears of the answer before it is written down.
        match &result {
            Ok(accepted) => log.accepted(accepted).await,
            Err(failure) if failure.judgement.is_unclear() => log.lost(&failure.problem).await,
            Err(_) => {}
        }
        result
    }

    async fn send(
        self,
        action: PowerAction,
        log: BatchLog<'_>,
        flight: &Flight,
    ) -> Result<Accepted, Failure> {
        let inner = &self.client.0;
        let batch = log.batch;
        let servers = log.servers.to_vec();
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
            log,
        });
        match action {
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
}

/// The plan was checked before anything was sent.
fn invalid(error: ValidationError) -> Failure {
    Failure::new(Judgement::Refused, Problem::new(chain(&error)))
}
