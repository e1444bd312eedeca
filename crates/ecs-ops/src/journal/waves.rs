//! The waves of a rolling run according to its journal.

use ecs_model::ServerId;
use jiff::Timestamp;

use super::progress::ServerProgress;
use super::recovered::Recovered;
use crate::rolling::{Rolling, StopReason, WaveAction, WaveEvent};

impl Recovered {
    /// The waves of a rolling run, with those that resumed runs added at the end; empty for any
    /// other run.
    pub fn waves(&self) -> &[Vec<ServerId>] {
        self.rolling.as_ref().map_or(&[], Rolling::waves)
    }

    /// The rule that stops the rolling run at the end of the journal, also of a process that died
    /// before it reported this.
    pub fn stopping_rule(&self) -> Option<StopReason> {
        match self.rolling()?.action() {
            WaveAction::Stop(reason) => Some(reason),
            _ => None,
        }
    }

    /// The state of the waves at the end of the journal; `None` for a run without waves. To resume,
    /// apply [`resumption`](Self::resumption) next.
    pub(crate) fn rolling(&self) -> Option<Rolling> {
        self.rolling.clone()
    }

    /// Returns the time at which the pause between waves began that the run was in at the end of the journal.
    pub(crate) fn pause_began(&self) -> Option<Timestamp> {
        self.pause_began
    }

    /// The event that [`Rolling`] gets when the run resumes.
    pub(crate) fn resumption(&self) -> WaveEvent {
        let is_awaited = |id: &_| {
            self.concluded(id).is_none() && self.progress(*id) != Some(ServerProgress::Unsent)
        };
        let servers = self.run.servers.iter().copied();
        WaveEvent::Resumed {
            reported: self.ended,
            awaited: servers.filter(is_awaited).collect(),
            unsent: self.unsent(),
        }
    }
}
