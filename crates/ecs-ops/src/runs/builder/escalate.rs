//! Second restarts: what a run may do about a soft restart that went badly.

use std::time::Duration;

use ecs_model::RebootType;

use super::RunBuilder;
use crate::action::PowerAction;
use crate::rolling::MIN_HANG;

impl RunBuilder {
    /// Restarts a server hard, once, if its soft restart failed or, with [`verify`](Self::verify),
    /// if it is not back `after` this time from the acceptance. A server whose soft restart is
    /// still running or has an unknown outcome is not restarted again: see
    /// `escalate` in `rolling/escalate.rs`.
    pub fn escalate_after(mut self, after: Duration) -> Self {
        self.escalate_after = Some(after);
        self
    }

    /// Restarts a server hard, once, that hangs in its soft restart for `limit` or longer, at least
    /// [`MIN_HANG`]: the job shows its restart as running, and the server, read every three
    /// minutes, shows status `REBOOT` with the same task and no change all the time. See
    /// `escalate_hang` in `rolling/hang.rs`. Jobs are then watched for longer than
    /// `limit`: the default of [`stalled_after`](Self::stalled_after) grows by it.
    pub fn escalate_hang(mut self, limit: Duration) -> Self {
        self.escalate_hang = Some(limit);
        self
    }

    /// Returns `true` if a server may be restarted twice.
    pub(super) fn escalates(&self) -> bool {
        self.escalate_after.is_some() || self.escalate_hang.is_some()
    }

    /// Violations about second restarts.
    pub(super) fn escalation_violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.escalates() && self.action != PowerAction::Reboot(RebootType::Soft) {
            wrong.push("only a soft restart can be escalated to a hard one".to_owned());
        }
        let Some(limit) = self.escalate_hang else {
            return wrong;
        };
        if limit < MIN_HANG {
            wrong.push(format!(
                "the hang limit must be at least {} minutes, not {limit:?}",
                MIN_HANG.as_secs() / 60
            ));
        }
        let limit = self.client.0.core.scaled(limit);
        if let Some(stalled_after) = self.stalled_after.filter(|stalled| *stalled <= limit) {
            wrong.push(format!(
                "the stall limit ({stalled_after:?}) must exceed the hang limit ({limit:?})"
            ));
        }
        wrong
    }
}
