//! Waves whose servers are read again before they are sent.

use ecs_client::Problem;
use ecs_model::ServerId;

use super::RunState;
use super::waves::WaveQueue;
use crate::action::PowerAction;
use crate::event::Event;
use crate::fleet::{UnreadyServer, WaveRecheck, reasons};
use crate::journal::Record;
use crate::report::{Outcome, ServerReport};
use crate::rolling::WaveEvent;

/// The servers of a wave that are to be read.
#[derive(Debug)]
pub(crate) struct WaveToRead {
    /// The wave, counted from 0.
    pub(crate) wave: usize,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) action: PowerAction,
    pub(crate) recheck: WaveRecheck,
}

/// The result of reading the servers of a wave.
#[derive(Debug)]
pub(crate) struct Rechecked {
    /// The wave, counted from 0.
    pub(crate) wave: usize,
    pub(crate) unready: Vec<UnreadyServer>,
    /// `true` if those are skipped; otherwise the run stops.
    pub(crate) skipped: bool,
    /// The reason why they could not be read.
    pub(crate) failure: Option<Problem>,
}

impl Rechecked {
    /// Returns its record, if there is anything to record.
    pub(crate) fn record(&self) -> Option<Record> {
        let is_ready = self.unready.is_empty() && self.failure.is_none();
        (!is_ready).then(|| Record::WaveRechecked {
            wave: self.wave,
            unready: self.unready.clone(),
            skipped: self.skipped,
            message: self.failure.as_ref().map(ToString::to_string),
        })
    }

    fn wave_event(&self) -> WaveEvent {
        let failure = self.failure.as_ref().map(ToString::to_string);
        WaveEvent::Rechecked {
            wave: self.wave,
            unready: self.unready.iter().map(|server| server.id).collect(),
            skipped: self.skipped,
            message: failure.or_else(|| reasons(&self.unready)),
        }
    }
}

impl RunState {
    /// The servers of a wave that are to be sent, to be read before.
    pub(crate) fn wave_to_read(&self, wave: usize) -> Option<WaveToRead> {
        let waves = self.waves.as_ref()?;
        Some(WaveToRead {
            wave,
            servers: waves.servers_of(wave),
            action: self.action,
            recheck: waves.recheck?,
        })
    }

    /// Applies what reading the servers of a wave showed.
    pub(crate) fn wave_rechecked(&mut self, rechecked: Rechecked) -> Vec<Event> {
        let Some(waves) = &mut self.waves else {
            return Vec::new();
        };
        waves.rechecked(&rechecked);
        let Rechecked {
            wave,
            unready,
            skipped,
            ..
        } = rechecked;
        if unready.is_empty() {
            return Vec::new();
        }
        let reports: Vec<_> = if skipped {
            unready
                .iter()
                .map(|server| server.report_of_wave(wave))
                .collect()
        } else {
            unready
                .iter()
                .map(|server| not_sent(server, wave))
                .collect()
        };
        let mut events = vec![Event::WaveRechecked {
            wave: wave + 1,
            unready: unready.clone(),
            skipped,
        }];
        let done = reports.into_iter();
        events.extend(done.filter_map(|report| self.end_server(report.id, report.outcome)));
        if skipped {
            let unready = unready.into_iter().map(|server| (server.id, server));
            self.ledger.left_out.extend(unready);
        }
        events
    }
}

/// Its part of the report, if the run stops: it is sent when the run is resumed and it is ready.
fn not_sent(server: &UnreadyServer, wave: usize) -> ServerReport {
    let (number, reason) = (wave + 1, &server.reason);
    let error = Problem::new(format!(
        "not sent, because it was not ready before wave {number}: {reason}"
    ));
    ServerReport::new(server.id, Outcome::NotAttempted { error })
}

impl WaveQueue {
    /// Returns `true` if the servers of a wave that may begin must be read before. Those of the
    /// first wave were read for the plan, unless the run is resumed.
    pub(super) fn must_be_read(&self, wave: usize) -> bool {
        let is_first = wave == 0 && !self.is_resumed;
        self.recheck.is_some() && self.read_wave != Some(wave) && !is_first
    }

    /// The servers of a wave that are to be sent.
    fn servers_of(&self, wave: usize) -> Vec<ServerId> {
        let of_wave = self.to_come.iter().filter(|(number, _)| *number == wave);
        let requests = of_wave.flat_map(|(_, requests)| requests);
        requests.flatten().copied().collect()
    }

    fn rechecked(&mut self, rechecked: &Rechecked) {
        let wave = rechecked.wave;
        self.read_wave = Some(wave);
        self.rolling.on(rechecked.wave_event());
        if !rechecked.skipped || rechecked.unready.is_empty() {
            return;
        }
        let unready: std::collections::HashSet<_> =
            rechecked.unready.iter().map(|server| server.id).collect();
        let Some((_, requests)) = self.to_come.iter_mut().find(|(number, _)| *number == wave)
        else {
            return;
        };
        for request in requests.iter_mut() {
            request.retain(|id| !unready.contains(id));
        }
        requests.retain(|request| !request.is_empty());
        self.to_come
            .retain(|(number, requests)| *number != wave || !requests.is_empty());
    }
}
