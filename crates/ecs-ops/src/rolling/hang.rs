//! Decides whether a server that hangs in its soft restart is restarted hard. Pure.
//!
//! The vendor's guide allows a forced restart of a server that is being restarted for more than 30
//! minutes. It is a second restart while the job of the first one still runs, so it requires
//! evidence from two sides at the same time: the job that shows the server's restart as running, and
//! the server itself, read again and again, that shows the same task all the time. A read that fails
//! is no evidence of anything.

use std::time::Duration;

use super::Escalation;

/// The shortest time after which a server hangs (vendor's user guide: 30 minutes in the status
/// *Restarting*).
pub const MIN_HANG: Duration = Duration::from_secs(30 * 60);
/// The fewest reads that show a hang.
const MIN_READS: u32 = 5;
/// The longest time between two reads. What happened in a longer one is not known.
const MAX_GAP: Duration = Duration::from_secs(10 * 60);

/// The result of one read of a server whose soft restart was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HangReading {
    /// The server is in its soft restart: status `REBOOT` with a task.
    Restarting {
        /// The task.
        task: String,
        /// The time of its last change, as the service wrote it.
        updated: String,
    },
    /// The server shows something else.
    Other,
    /// It could not be read: an error, a refusal, throttling, an answer of a cache.
    Failed,
}

/// The results of the reads of one server since its soft restart was accepted. Times are those of
/// any clock that is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HangHistory {
    /// The task and the time of the last change that all reads since `from` showed.
    shown: Option<(String, String)>,
    from: Duration,
    last: Duration,
    reads: u32,
    /// `true` if the latest read failed.
    failed: bool,
}

impl HangHistory {
    /// Adds a read that began `at` this time.
    pub(crate) fn add(&mut self, at: Duration, reading: HangReading) {
        self.failed = reading == HangReading::Failed;
        match reading {
            HangReading::Failed => {}
            HangReading::Other => *self = Self::default(),
            HangReading::Restarting { task, updated } => {
                let shown = Some((task, updated));
                let continues = shown == self.shown
                    && at >= self.last
                    && at.saturating_sub(self.last) <= MAX_GAP;
                if !continues {
                    (self.from, self.reads) = (at, 0);
                }
                self.shown = shown;
                self.last = at;
                self.reads = self.reads.saturating_add(1);
            }
        }
    }

    /// Returns the time for which the server has shown the same task; `None` if that is not certain.
    pub(crate) fn hangs_for(&self) -> Option<Duration> {
        let certain = self.shown.is_some() && !self.failed && self.reads >= MIN_READS;
        certain.then(|| self.last.saturating_sub(self.from))
    }

    /// The task that the server shows.
    pub(crate) fn task(&self) -> Option<&str> {
        self.shown.as_ref().map(|(task, _)| task.as_str())
    }

    /// Returns the time of the server's last change, as the service wrote it.
    pub(crate) fn updated(&self) -> Option<&str> {
        self.shown.as_ref().map(|(_, updated)| updated.as_str())
    }

    /// The number of reads that showed it.
    pub(crate) fn reads(&self) -> u32 {
        self.reads
    }
}

/// Decides whether to restart a server hard whose soft restart hangs. `shown_running`: the latest
/// poll of its job was answered and showed its restart as running. `limit`: the time that the same
/// task must be shown, at least [`MIN_HANG`]. `already`: the server was already restarted twice, or
/// may have been.
///
/// | job | server | decision |
/// |---|---|---|
/// | running | the same task in all reads for `limit` or longer | hard |
/// | running | the same task for less long, or its latest read failed | not yet |
/// | running | another status, no task, another task than before | not yet; the time begins anew |
/// | not seen by the latest poll | any | not yet |
/// | any, already restarted twice | any | no |
pub(crate) fn escalate_hang(
    shown_running: bool,
    history: &HangHistory,
    limit: Duration,
    already: bool,
) -> Escalation {
    if already {
        return Escalation::No;
    }
    let hangs = history
        .hangs_for()
        .is_some_and(|time| time >= limit.max(MIN_HANG));
    if shown_running && hangs {
        Escalation::Hard
    } else {
        Escalation::NotYet
    }
}

#[cfg(test)]
mod tests;
