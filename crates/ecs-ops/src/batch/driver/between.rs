//! What a rolling run does between its requests: begins waves, checks health, asks, and pauses.

use futures_util::stream::FuturesUnordered;

use ecs_auth::BoxFuture;

use super::{Driver, Step};
use crate::batch::machine::Machine;
use crate::control::Level;
use crate::event::Event;
use crate::journal::Record;
use crate::rolling::{self, Action};

impl<'a> Driver<'a> {
    /// Begins what a rolling run has to do now, if that is not going on already.
    pub(super) fn roll(
        self,
        machine: &mut Machine,
        rolling: &mut bool,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        if *rolling || self.control.level() > Level::Go {
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
                pause: self.client.0.scaled(*pause),
            }),
        };
        event.into_iter().for_each(|event| self.sink.emit(event));
        let servers = match action {
            Action::CheckHealth { wave } => machine.wave(wave),
            _ => Vec::new(),
        };
        *rolling = true;
        steps.push(Box::pin(async move {
            let done = tokio::select! {
                biased;
                () = self.control.reached(Level::Halted) => None,
                done = self.between(action, servers) => done,
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
                tokio::time::sleep(self.client.0.scaled(pause)).await;
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
