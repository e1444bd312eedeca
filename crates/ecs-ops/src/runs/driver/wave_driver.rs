//! Drives the waves of a rolling run: begins them, checks health, asks and pauses.

use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;

use ecs_auth::BoxFuture;

use super::{Driver, Step};
use crate::control::Level;
use crate::event::Event;
use crate::journal::Record;
use crate::report::{Outcome, Stopped};
use crate::rolling::{self, WaveAction};
use crate::runs::callbacks::FinishedWave;
use crate::runs::state::{Resumption, RunState};

/// The progress between waves.
#[derive(Debug)]
pub(super) struct WaveDriver {
    /// `true` if a step is underway.
    pub(super) is_underway: bool,
    /// The time until which an action with a lost answer may still be in progress: nothing follows a wave
    /// before.
    unknown_until: Option<Instant>,
    /// The part of the next pause that an earlier process has waited.
    paused: Duration,
}

impl WaveDriver {
    pub(super) fn new(driver: Driver<'_>, resumed: &Resumption) -> Self {
        let clock = driver.client.0.core.clock();
        // The pause began when the unknown actions must have finished.
        let held_until = resumed.lost_answer_at.map(|at| {
            let limit = driver.client.0.core.scaled(driver.reconcile_limit);
            clock.since(at).saturating_sub(limit)
        });
        let paused = resumed.pause_began.map(|at| clock.since(at));
        Self {
            is_underway: false,
            unknown_until: resumed.lost_answer_at.map(|at| driver.unknown_until(at)),
            paused: paused.map_or(Duration::ZERO, |paused| {
                held_until.map_or(paused, |held| held.min(paused))
            }),
        }
    }

    /// Notes unknown outcomes.
    pub(super) fn note_unknown(&mut self, driver: Driver<'_>, events: &[Event]) {
        let unknown_at = events.iter().filter_map(|event| match event {
            Event::ServerDone(server) => match &server.outcome {
                Outcome::Unknown { error, .. } => Some(error.sent_at()),
                _ => None,
            },
            // The first request may still be in progress, whatever the outcome of the second one.
            Event::Resubmitting { maybe_executed, .. } => maybe_executed.then_some(None),
            _ => None,
        });
        let now = || driver.client.0.core.clock().now();
        if let Some(at) = unknown_at.map(|at| at.unwrap_or_else(now)).max() {
            self.unknown_until = self.unknown_until.max(Some(driver.unknown_until(at)));
        }
    }
}

impl<'a> Driver<'a> {
    /// Returns the time until which an action sent at `at` may still be in progress.
    pub(super) fn unknown_until(self, at: Timestamp) -> Instant {
        let client = &self.client.0.core;
        let left = client
            .scaled(self.reconcile_limit)
            .saturating_sub(client.clock().since(at));
        Instant::now() + left
    }

    /// Starts the next step of the waves, unless one is underway.
    pub(super) fn drive_waves(
        self,
        state: &mut RunState,
        wave_driver: &mut WaveDriver,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        let stopped = self.control.level() > Level::Go;
        if wave_driver.is_underway || stopped {
            return;
        }
        let Some(mut action) = state.next_action() else {
            return;
        };
        let paused = std::mem::take(&mut wave_driver.paused);
        if let WaveAction::Pause { pause, .. } = &mut action {
            *pause = self.client.0.core.scaled(*pause).saturating_sub(paused);
        }
        let event = match &action {
            WaveAction::Await { .. } | WaveAction::Done => return,
            WaveAction::Stop(reason) => {
                state.stop_rolling(reason);
                self.control.halt();
                let stopped = Stopped::Rolling(reason.clone());
                return self.sink.emit(Event::stopping(stopped));
            }
            WaveAction::Recheck { .. } | WaveAction::Start { .. } => None,
            WaveAction::CheckHealth { wave } => Some(Event::CheckingHealth { wave: wave + 1 }),
            WaveAction::Ask => Some(Event::Asking { wave: 1 }),
            WaveAction::Pause { wave, pause } => Some(Event::Pausing {
                wave: wave + 1,
                pause: *pause,
            }),
        };
        let finished = match action {
            WaveAction::CheckHealth { wave } => Some(state.finished_wave(wave)),
            _ => None,
        };
        let to_read = match action {
            WaveAction::Recheck { wave } => state.wave_to_read(wave),
            _ => None,
        };
        let is_known = matches!(action, WaveAction::Start { wave } if state.is_underway(wave));
        let hold_until = wave_driver
            .unknown_until
            .filter(|until| *until > Instant::now());
        if let Some(until) = hold_until {
            let pause = until.duration_since(Instant::now());
            self.sink.emit(Event::Holding { pause });
        }
        wave_driver.is_underway = true;
        steps.push(Box::pin(async move {
            let doing = async {
                if let Some(until) = hold_until {
                    tokio::time::sleep_until(until).await;
                }
                event.into_iter().for_each(|event| self.sink.emit(event));
                match (to_read, action) {
                    (Some(to_read), _) => Step::WaveRechecked(self.recheck_wave(to_read).await),
                    // It is in the journal of an earlier process.
                    (None, WaveAction::Start { wave }) if is_known => {
                        Step::WavesAdvanced(Some(rolling::WaveEvent::Began { wave }))
                    }
                    (None, action) => Step::WavesAdvanced(self.perform(action, finished).await),
                }
            };
            tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => Step::WavesAdvanced(None),
                done = doing => done,
            }
        }));
    }

    /// Performs a step and records it.
    async fn perform(
        self,
        action: WaveAction,
        finished: Option<FinishedWave>,
    ) -> Option<rolling::WaveEvent> {
        let (event, record) = match action {
            WaveAction::Start { wave } => (
                rolling::WaveEvent::Began { wave },
                Some(Record::WaveBegan { wave }),
            ),
            WaveAction::CheckHealth { wave } => {
                let checked = self.health?.check(finished?).await;
                let message = checked.err();
                let record = Record::WaveChecked {
                    wave,
                    healthy: message.is_none(),
                    message: message.clone(),
                };
                let event =
                    message.map_or(rolling::WaveEvent::Healthy, rolling::WaveEvent::Unhealthy);
                (event, Some(record))
            }
            WaveAction::Ask => {
                let proceed = self.question?.ask().await;
                (
                    rolling::WaveEvent::Answered(proceed),
                    Some(Record::Answered { proceed }),
                )
            }
            WaveAction::Pause { pause, .. } => {
                tokio::time::sleep(pause).await;
                (rolling::WaveEvent::Paused, None)
            }
            WaveAction::Recheck { .. }
            | WaveAction::Await { .. }
            | WaveAction::Stop(_)
            | WaveAction::Done => return None,
        };
        if let Some(record) = record {
            // Nothing more is sent if this fails.
            self.log.write(|| record).await.ok()?;
        }
        Some(event)
    }
}
