//! What a rolling run does between its requests: begins waves, checks health, asks, and pauses.

use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;

use ecs_auth::BoxFuture;

use super::{Driver, Step};
use crate::batch::machine::Machine;
use crate::batch::reconcile::PATIENCE;
use crate::control::Level;
use crate::event::Event;
use crate::journal::Record;
use crate::report::Outcome;
use crate::rolling::{self, Action};

/// Where a run is between its waves.
#[derive(Debug)]
pub(super) struct Between {
    /// Whether something of it is being done.
    pub(super) is_underway: bool,
    /// Until when servers of unknown fate may be at work: nothing that follows a wave is done before.
    unclear_until: Option<Instant>,
}

impl Between {
    pub(super) fn new(unclear_until: Option<Instant>) -> Self {
        Self {
            is_underway: false,
            unclear_until,
        }
    }

    /// Learns of servers of unknown fate.
    pub(super) fn learn(&mut self, driver: Driver<'_>, events: &[Event]) {
        let unclear = events.iter().filter_map(|event| match event {
            Event::ServerDone(server) => match &server.outcome {
                Outcome::Unknown { error, .. } => Some(error.sent_at()),
                _ => None,
            },
            // The first request may still be at work, whatever becomes of the second one.
            Event::Resubmitting { maybe_executed, .. } => maybe_executed.then_some(None),
            _ => None,
        });
        let now = || driver.client.0.core.clock().now();
        if let Some(at) = unclear.map(|at| at.unwrap_or_else(now)).max() {
            self.unclear_until = self.unclear_until.max(Some(driver.unclear_until(at)));
        }
    }
}

impl<'a> Driver<'a> {
    /// Until when a server of unknown fate may be at work that was acted on then.
    pub(super) fn unclear_until(self, at: Timestamp) -> Instant {
        let client = &self.client.0.core;
        let left = client
            .scaled(PATIENCE)
            .saturating_sub(client.clock().since(at));
        Instant::now() + left
    }

    /// Begins what a rolling run has to do now, if that is not going on already.
    pub(super) fn roll(
        self,
        machine: &mut Machine,
        between: &mut Between,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        let stopped = self.control.level() > Level::Go;
        if between.is_underway || stopped {
            return;
        }
        let Some(action) = machine.next_action() else {
            return;
        };
        let event = match &action {
            Action::Await { .. } | Action::Done => return,
            Action::Stop(reason) => {
                machine.stop_rolling(reason);
                self.control.halt();
                let reason = reason.to_string();
                return self.sink.emit(Event::Stopping { reason });
            }
            Action::Start { .. } => None,
            Action::CheckHealth { wave } => Some(Event::CheckingHealth { wave: wave + 1 }),
            Action::Ask => Some(Event::Asking { wave: 1 }),
            Action::Pause { wave, pause } => Some(Event::Pausing {
                wave: wave + 1,
                pause: self.client.0.core.scaled(*pause),
            }),
        };
        let servers = match action {
            Action::CheckHealth { wave } => machine.wave(wave),
            _ => Vec::new(),
        };
        let held = between
            .unclear_until
            .filter(|until| *until > Instant::now());
        if let Some(until) = held {
            let pause = until.duration_since(Instant::now());
            self.sink.emit(Event::Holding { pause });
        }
        between.is_underway = true;
        steps.push(Box::pin(async move {
            let doing = async {
                if let Some(until) = held {
                    tokio::time::sleep_until(until).await;
                }
                event.into_iter().for_each(|event| self.sink.emit(event));
                self.between(action, servers).await
            };
            let done = tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => None,
                done = doing => done,
            };
            Step::Rolled(done)
        }));
    }

    /// Does it, and writes it down.
    async fn between(
        self,
        action: Action,
        servers: Vec<ecs_model::ServerId>,
    ) -> Option<rolling::Event> {
        let (event, record) = match action {
            Action::Start { wave } => (
                rolling::Event::Began { wave },
                Some(Record::WaveBegan { wave }),
            ),
            Action::CheckHealth { wave } => {
                let checked = self.health?.check(servers).await;
                let words = checked.err();
                let record = Record::WaveChecked {
                    wave,
                    healthy: words.is_none(),
                    words: words.clone(),
                };
                let event = words.map_or(rolling::Event::Healthy, rolling::Event::Unhealthy);
                (event, Some(record))
            }
            Action::Ask => {
                let go_on = self.question?.ask().await;
                (
                    rolling::Event::Answered(go_on),
                    Some(Record::Answered { go_on }),
                )
            }
            Action::Pause { pause, .. } => {
                tokio::time::sleep(self.client.0.core.scaled(pause)).await;
                (rolling::Event::Paused, None)
            }
            Action::Await { .. } | Action::Stop(_) | Action::Done => return None,
        };
        if let Some(record) = record {
            // Without this being written down nothing more is sent.
            self.log.write(|| record).await.ok()?;
        }
        Some(event)
    }
}
