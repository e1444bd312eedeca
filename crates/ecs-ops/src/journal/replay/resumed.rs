//! The events at the beginning of a process that resumes the run, and those of its waves.

use ecs_model::ServerId;

use super::planned;
use crate::event::Event;
use crate::journal::progress::ServerProgress;
use crate::journal::recovered::Recovered;
use crate::rolling::WaveAction;

impl Recovered {
    /// Returns the first events of a process that resumes the run.
    pub(super) fn resumed(&self) -> Vec<Event> {
        let servers = self.run.servers.iter();
        let known = servers.filter_map(|id| {
            let outcome = self.ledger.final_outcome(id)?;
            Some(Event::ServerDone(self.done(*id, outcome, None)))
        });
        let known: Vec<_> = known.collect();
        let (accepted, unknown) = (self.accepted_requests(), self.unknown_requests());
        let resumed = Event::Resumed {
            done: known.len(),
            watched: accepted.iter().map(|request| request.servers.len()).sum(),
            unknown: unknown.iter().map(|request| request.servers.len()).sum(),
            unsent: self.unsent().len() + self.escalating().len(),
        };
        let mut events = vec![planned(self), resumed];
        events.extend(known);
        // Those whose answer was lost end at once, unless they are reconciled or sent again.
        let ends = !(self.run.reconcile || self.run.resubmit_unknown);
        let is_open = |id: &ServerId| {
            let is_unknown = matches!(self.progress(*id), Some(ServerProgress::Unknown { .. }));
            !(ends && is_unknown)
        };
        events.extend(self.wave_began(|open| open.filter(is_open).count()));
        events
    }

    /// Returns the next action of the waves, and the wave that is underway.
    pub(super) fn wave_state(&self) -> (Option<WaveAction>, Option<usize>) {
        let rolling = self.rolling.as_ref();
        (
            rolling.map(|rolling| rolling.action()),
            rolling.and_then(|rolling| rolling.underway()),
        )
    }

    /// Returns the event of the wave that is underway; `count` counts its servers without an outcome.
    pub(super) fn wave_began(
        &self,
        count: impl FnOnce(&mut dyn Iterator<Item = ServerId>) -> usize,
    ) -> Option<Event> {
        let rolling = self.rolling.as_ref()?;
        let (wave, waves) = (rolling.underway()? + 1, rolling.waves().len());
        let servers = count(&mut rolling.open_servers());
        (servers > 0).then_some(Event::WaveBegan {
            wave,
            waves,
            servers,
        })
    }
}
