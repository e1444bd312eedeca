//! The time to send after requests whose answer was lost. Pure: the caller passes the time.
//!
//! An outage behind a gateway that answers by itself makes each request that is sent into it
//! unknown. So after the first unknown one, one request is sent at a time. After
//! [`UNKNOWN_IN_A_ROW`], none is sent until a harmless read shows that the service answers, then a
//! single server as a trial. The pauses grow; after [`OUTAGE_LIMIT`] the run gives up.

use std::time::Duration;

use ecs_client::clock::doubled;

/// The number of unknown requests in a row after which nothing is sent without a read.
pub(super) const UNKNOWN_IN_A_ROW: u32 = 3;
/// The longest wait of the run for the service, from the third unknown request in a row.
pub(super) const OUTAGE_LIMIT: Duration = Duration::from_secs(300);
/// The first pause before a read; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The requests that may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// As many requests as the client allows.
    Many,
    /// One request, if none is underway.
    One,
    /// One server, if no request is underway.
    Trial,
    /// Nothing before a read.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A read is needed.
    Hold,
    /// The read is underway or due.
    Reading,
    /// The service answered the read.
    Trial,
    /// The trial is underway.
    TrialSent,
}

/// The outage, if there is one.
#[derive(Debug, Default)]
pub(super) struct Outage {
    unknown_in_a_row: u32,
    /// `None`: no outage.
    phase: Option<Phase>,
    /// The beginning of the outage.
    since: Duration,
    reads: u32,
}

impl Outage {
    /// Returns what may be sent now.
    pub(super) fn permit(&self) -> Permit {
        match self.phase {
            None if self.unknown_in_a_row == 0 => Permit::Many,
            None => Permit::One,
            Some(Phase::Trial) => Permit::Trial,
            Some(Phase::Hold | Phase::Reading | Phase::TrialSent) => Permit::Nothing,
        }
    }

    /// A request was sent.
    pub(super) fn sent(&mut self) {
        if self.phase == Some(Phase::Trial) {
            self.phase = Some(Phase::TrialSent);
        }
    }

    /// The service answered a request, or it was not sent.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// The answer to a request was lost.
    pub(super) fn unknown(&mut self, now: Duration) {
        self.unknown_in_a_row = self.unknown_in_a_row.saturating_add(1);
        if self.unknown_in_a_row < UNKNOWN_IN_A_ROW || self.phase == Some(Phase::Reading) {
            return;
        }
        if self.phase.is_none() {
            self.since = now;
        }
        self.phase = Some(Phase::Hold);
    }

    /// The pause before a read that is to be made now, if one is.
    pub(super) fn next_read(&mut self) -> Option<Duration> {
        if self.phase != Some(Phase::Hold) {
            return None;
        }
        self.phase = Some(Phase::Reading);
        let pause = doubled(FIRST, self.reads, LONGEST);
        self.reads = self.reads.saturating_add(1);
        Some(pause)
    }

    /// The read was made; `answers`: the service answered as itself.
    pub(super) fn read(&mut self, answers: bool) {
        if self.phase == Some(Phase::Reading) {
            self.phase = Some(if answers { Phase::Trial } else { Phase::Hold });
        }
    }

    /// The number of unknown requests in a row, if the run gives up now.
    pub(super) fn gives_up(&self, now: Duration, limit: Duration) -> Option<u32> {
        let over = now.saturating_sub(self.since) >= limit;
        (self.phase == Some(Phase::Hold) && over).then_some(self.unknown_in_a_row)
    }
}

#[cfg(test)]
mod tests;
