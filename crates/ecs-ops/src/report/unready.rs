//! Servers that were not ready, as a part of a report.

use ecs_client::Problem;

use super::{Outcome, ServerReport};
use crate::fleet::UnreadyServer;

impl UnreadyServer {
    /// Its part of the report of the run: not attempted.
    pub fn report(&self) -> ServerReport {
        self.not_attempted(format!(
            "skipped, because it was not ready: {}",
            self.reason
        ))
    }

    /// The wave, if this was found when the wave was about to begin; counted from 0.
    pub(crate) fn report_of_wave(&self, wave: usize) -> ServerReport {
        let (number, reason) = (wave + 1, &self.reason);
        self.not_attempted(format!(
            "skipped, because it was not ready before wave {number}: {reason}"
        ))
    }

    fn not_attempted(&self, message: String) -> ServerReport {
        let error = Problem::new(message);
        let name = self.name.clone();
        ServerReport {
            name,
            ..ServerReport::new(self.id, Outcome::NotAttempted { error })
        }
    }
}
