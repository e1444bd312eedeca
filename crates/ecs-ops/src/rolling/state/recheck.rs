//! The consequence of reading the servers of a wave again.

use std::collections::HashSet;

use ecs_model::ServerId;

use super::{Rolling, Stage};
use crate::rolling::StopReason;

impl Rolling {
    /// Servers of a wave that has not begun, or of one that an earlier process began, were read: those
    /// that are not ready leave it, or the run stops.
    pub(super) fn rechecked(
        &mut self,
        wave: usize,
        unready: &[ServerId],
        skipped: bool,
        message: Option<String>,
    ) {
        // A record of an earlier process is trusted: what led up to this wave is over, which no
        // record says of a pause.
        if self.stage != Stage::Underway(wave) {
            self.stage = self.ready(wave);
        }
        let number = wave + 1;
        if unready.is_empty() {
            if let Some(message) = message {
                self.stop(StopReason::NotRead {
                    wave: number,
                    message,
                });
            }
            return;
        }
        let message = message.unwrap_or_default();
        let servers = unready.len();
        let not_ready = StopReason::NotReady {
            wave: number,
            servers,
            message,
        };
        if !skipped {
            return self.stop(not_ready);
        }
        let Some(of_wave) = self.waves.get_mut(wave) else {
            return;
        };
        let unready: HashSet<_> = unready.iter().collect();
        of_wave.retain(|id| !unready.contains(id));
        let is_empty = of_wave.is_empty();
        // Without a canary what follows would be untried.
        let is_canary = wave == 0 && self.rules.canary.is_some();
        match self.stage {
            Stage::Ready(_) if !is_empty => {}
            Stage::Ready(_) if is_canary => self.stop(not_ready),
            Stage::Ready(_) => self.stage = self.ready(wave + 1),
            _ => {
                self.open.retain(|id| !unready.contains(id));
                let is_untried = is_empty && self.wave_succeeded + self.wave_failed == 0;
                match (self.open.is_empty(), is_untried) {
                    (true, true) if is_canary => self.stop(not_ready),
                    // A wave of which nothing was sent proves nothing by its lack of success.
                    (true, true) => self.stage = self.after_wave(wave),
                    _ => self.end_wave_if_none_is_open(wave),
                }
            }
        }
    }

    /// Returns `true` if all servers of the canary were skipped, so that what follows is untried.
    pub(super) fn has_no_canary_left(&self) -> bool {
        let is_first = matches!(self.stage, Stage::Ready(0) | Stage::Underway(0));
        let is_empty = self.waves.first().is_some_and(Vec::is_empty);
        is_first && is_empty && self.rules.canary.is_some()
    }
}

#[cfg(test)]
mod tests;
