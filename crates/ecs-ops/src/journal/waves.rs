//! The waves of a rolling run according to its journal.

use jiff::Timestamp;

use super::recovered::{Recovered, ServerProgress};
use crate::rolling::{Rolling, WaveEvent};

impl Recovered {
    /// The waves at the end of the journal; `None` for a run without waves. To resume, apply
    /// [`resumption`](Self::resumption) next.
    pub fn rolling(&self) -> Option<Rolling> {
        self.rolling.clone()
    }

    /// When the pause between waves began that the run was in at the end of the journal.
    pub(crate) fn pause_began(&self) -> Option<Timestamp> {
        self.pause_began
    }

    /// The event that [`Rolling`] gets when the run resumes.
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
