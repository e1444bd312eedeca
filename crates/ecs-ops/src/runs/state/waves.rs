//! Waves of a run.

use std::collections::VecDeque;

use ecs_client::Problem;
use ecs_model::ServerId;

use super::RunState;
use crate::event::Event;
use crate::fleet::WaveRecheck;
use crate::report::Outcome;
use crate::rolling::{self, Rolling, StopReason, WaveAction};
use crate::runs::callbacks::FinishedWave;
use crate::runs::request_plan::RequestPlan;

/// The remaining waves of a rolling run.
#[derive(Debug)]
pub(super) struct WaveQueue {
    pub(super) rolling: Rolling,
    /// Waves that have not begun, with their requests; and the wave that an earlier process began, if
    /// it is read again.
    pub(super) to_come: VecDeque<(usize, Vec<Vec<ServerId>>)>,
    /// The read of a wave's servers before they are sent. `None`: there is none.
    pub(super) recheck: Option<WaveRecheck>,
    /// The wave whose servers were read last.
    pub(super) read_wave: Option<usize>,
    pub(super) is_resumed: bool,
}

impl WaveQueue {
    /// The remaining waves of `rolling` with the planned requests; and the requests to submit
    /// immediately.
    pub(super) fn new(
        rolling: Rolling,
        plan: RequestPlan,
        recheck: Option<WaveRecheck>,
    ) -> (Self, Vec<Vec<ServerId>>) {
        let mut requests = plan.requests.into_iter();
        let mut requests = |count| requests.by_ref().take(count).collect::<Vec<_>>();
        let remaining = rolling.remaining().map(|(wave, _)| wave).zip(plan.waves);
        let mut to_come: VecDeque<_> = remaining
            .map(|(wave, count)| (wave, requests(count)))
            .collect();
        let is_resumed = matches!(rolling.action(), WaveAction::Await { .. });
        let underway = if is_resumed {
            // Its servers may have changed since an earlier process began it.
            to_come.pop_front_if(|(_, requests)| recheck.is_none() || requests.is_empty())
        } else {
            None
        };
        let at_once = underway.map(|(_, requests)| requests).unwrap_or_default();
        let waves = Self {
            rolling,
            to_come,
            recheck,
            read_wave: None,
            is_resumed,
        };
        (waves, at_once)
    }

    /// The servers of waves that have not begun.
    pub(super) fn servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        let requests = self.to_come.iter().flat_map(|(_, requests)| requests);
        requests.flatten().copied()
    }

    /// Returns `true` if servers of a wave are to be sent.
    fn is_to_come(&self, wave: usize) -> bool {
        self.to_come
            .front()
            .is_some_and(|(front, _)| *front == wave)
    }

    /// Returns the reason why the run stops, if it does.
    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        match self.rolling.action() {
            WaveAction::Stop(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns `true` if steps remain.
    pub(super) fn is_cut_short(&self) -> bool {
        !self.rolling.is_over()
    }

    pub(super) fn ended(&mut self, server: ServerId, outcome: &Outcome) {
        let succeeded = matches!(outcome, Outcome::Succeeded { .. });
        self.rolling
            .on(rolling::WaveEvent::Ended { server, succeeded });
    }
}

/// The problem of servers that a stopped rolling run left.
pub(super) fn not_sent(reason: &StopReason) -> Problem {
    Problem::new(format!("not sent: {reason}"))
}

impl RunState {
    /// Returns the next action of a rolling run.
    pub(crate) fn next_action(&self) -> Option<WaveAction> {
        let waves = self.waves.as_ref()?;
        let action = waves.rolling.action();
        let to_send = match action {
            WaveAction::Start { wave } => Some(wave),
            // The rest of a wave that an earlier process began.
            WaveAction::Await { wave } => waves.is_to_come(wave).then_some(wave),
            _ => None,
        };
        Some(match to_send {
            Some(wave) if waves.must_be_read(wave) => WaveAction::Recheck { wave },
            Some(wave) => WaveAction::Start { wave },
            None => action,
        })
    }

    /// Returns `true` if an earlier process began this wave, counted from 0.
    pub(crate) fn is_underway(&self, wave: usize) -> bool {
        let waves = self.waves.as_ref();
        waves.is_some_and(|waves| waves.rolling.underway() == Some(wave))
    }

    /// A wave, counted from 0, whose servers have ended.
    pub(crate) fn finished_wave(&self, wave: usize) -> FinishedWave {
        let waves = self.waves.iter().flat_map(|waves| waves.rolling.waves());
        let servers = waves.clone().nth(wave).into_iter().flatten();
        // A server that an earlier process did not send comes in a later wave.
        let not_yet = || Outcome::NotAttempted {
            error: Problem::new("not sent yet: it comes in a later wave"),
        };
        let report = |id: &ServerId| {
            let outcome = self.ledger.outcomes.get(id).cloned();
            self.ledger.report_of(*id, outcome.unwrap_or_else(not_yet))
        };
        FinishedWave {
            number: wave + 1,
            waves: waves.count(),
            servers: servers.map(report).collect(),
        }
    }

    /// The event of a resumed wave, if one is underway.
    pub(super) fn wave_underway(&self) -> Option<Event> {
        let rolling = &self.waves.as_ref()?.rolling;
        let wave = rolling.underway()?;
        Some(Event::WaveBegan {
            wave: wave + 1,
            waves: rolling.waves().len(),
            servers: rolling.open(),
        })
    }

    /// Applies an event of the waves. Returns the event to emit.
    pub(crate) fn advance_waves(&mut self, event: rolling::WaveEvent) -> Option<Event> {
        let waves = self.waves.as_mut()?;
        let last = match waves.rolling.action() {
            WaveAction::CheckHealth { wave } => wave + 1,
            _ => 1,
        };
        let news = match &event {
            rolling::WaveEvent::Began { wave } => {
                let at_front = |(front, _): &mut (usize, _)| front == wave;
                let requests = waves.to_come.pop_front_if(at_front);
                let requests = requests.map(|(_, requests)| requests).unwrap_or_default();
                let servers = requests.iter().map(Vec::len).sum();
                requests
                    .into_iter()
                    .for_each(|servers| self.queue.push_back(servers));
                // A wave that an earlier process began was announced when the run was resumed.
                let is_news = waves.rolling.underway() != Some(*wave);
                is_news.then(|| Event::WaveBegan {
                    wave: wave + 1,
                    waves: waves.rolling.waves().len(),
                    servers,
                })
            }
            rolling::WaveEvent::Healthy => Some(Event::HealthChecked {
                wave: last,
                healthy: true,
                message: None,
            }),
            rolling::WaveEvent::Unhealthy(message) => Some(Event::HealthChecked {
                wave: last,
                healthy: false,
                message: Some(message.clone()),
            }),
            rolling::WaveEvent::Answered(proceed) => Some(Event::Answered { proceed: *proceed }),
            _ => None,
        };
        waves.rolling.on(event);
        news
    }

    /// Stops a rolling run: nothing more is submitted.
    pub(crate) fn stop_rolling(&mut self, reason: &StopReason) {
        self.rolling_stops |= self.halted.is_none();
        self.halt(not_sent(reason));
    }
}
