//! Reads the servers of a wave before it begins.

use std::time::Duration;

use ecs_client::Problem;
use ecs_client::clock::doubled;
use tokio::time::Instant;

use super::Driver;
use crate::event::Event;
use crate::fleet::{Lookup, UnreadyServer};
use crate::runs::state::{Rechecked, WaveToRead};
use crate::{Error, ErrorKind};

/// The time for which a failed read of a wave's servers is repeated. The run stops then: it does not
/// act on servers that it cannot see.
const LIMIT: Duration = Duration::from_secs(600);
/// The pause before the first new try, and the longest one.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Driver<'_> {
    /// Reads the servers of a wave, and records what is not ready. `None`: the journal failed, and
    /// nothing more is sent.
    pub(super) async fn recheck_wave(self, to_read: WaveToRead) -> Option<Rechecked> {
        let read = self.read_wave(&to_read).await;
        let (unready, failure) = match read {
            Ok(unready) => (unready, None),
            Err(failure) => (Vec::new(), Some(failure)),
        };
        let rechecked = Rechecked {
            wave: to_read.wave,
            unready,
            skipped: to_read.recheck.skips(),
            failure,
        };
        if let Some(record) = rechecked.record() {
            self.log.write(|| record).await.ok()?;
        }
        Some(rechecked)
    }

    /// The servers that are not ready; or why nothing can be read.
    async fn read_wave(self, to_read: &WaveToRead) -> Result<Vec<UnreadyServer>, Problem> {
        let core = &self.client.0.core;
        let end = Instant::now() + core.scaled(LIMIT);
        let mut tries = 0;
        loop {
            let error = match self.client.look_up_now(&to_read.servers).await {
                // Neither shown nor certainly gone.
                Ok(found) if found.missing.len() > found.absent.len() => not_shown(&found),
                Ok(found) => {
                    let recheck = to_read.recheck;
                    return Ok(recheck.unready(to_read.action, &to_read.servers, &found));
                }
                Err(error) => error,
            };
            let problem = error.problem().clone();
            let pause = core.scaled(doubled(PAUSE, tries, LONGEST_PAUSE));
            let is_final = matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Refused);
            if is_final || Instant::now() + pause >= end {
                return Err(problem);
            }
            self.sink.emit(Event::ListFailed { error: problem });
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }
}

/// The error of a read that shows neither some servers nor that they are gone.
fn not_shown(found: &Lookup) -> Error {
    let servers = found.missing.len() - found.absent.len();
    let problem = Problem::new(format!(
        "the list of servers is empty, which does not show that {servers} of the wave are gone"
    ));
    Error::new(ErrorKind::Unreachable, problem)
}
