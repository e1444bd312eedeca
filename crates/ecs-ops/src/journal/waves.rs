//! Where the waves of a rolling run stand, by its journal.

use super::recovered::{Recovered, ServerProgress};
use crate::rolling::{Rolling, WaveEvent};

impl Recovered {
    /// Where its waves stood when the journal ended; nothing for a run without waves. Whoever goes on tells it the
    /// [`resumption`](Self::resumption) next.
    pub fn rolling(&self) -> Option<Rolling> {
        let planned = self.run().rolling.as_ref()?;
        let mut rolling = Rolling::new(planned.waves.clone(), planned.rules());
        for event in &self.rolling {
            rolling.on(event.clone());
        }
        Some(rolling)
    }

    /// What [`Rolling`] is told when the run goes on from here.
    pub fn resumption(&self) -> WaveEvent {
        let is_awaited = |id: &_| {
            let server = self.servers.get(id);
            server.is_some_and(|server| {
                server.outcome_record.is_none()
                    && self.progress_of(server) != ServerProgress::Unsent
            })
        };
        let servers = self.run.servers.iter().copied();
        WaveEvent::Resumed {
            reported: self.ended,
            awaited: servers.filter(is_awaited).collect(),
            unsent: self.unsent(),
        }
    }
}
