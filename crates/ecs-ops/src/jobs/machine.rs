//! Watching one job: when to look next, and when to stop. Pure: it is told the time.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::schedule::{Polling, Usual};

/// How often a refusal is doubted that does not say that the job is unknown, or does not look like the service's.
const REFUSALS: u32 = 3;
/// How often a job is looked at that is over and contradicts itself.
const DOUBTS: u32 = 3;

/// What a look at a job showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// The job.
    Seen {
        /// It ended, and nothing in it says otherwise.
        over: Over,
        /// How long it has been going on by the service's clock, where that can be told.
        age: Option<Duration>,
    },
    /// The service does not know it; whether the answer looks like the service's own.
    NotKnown { authentic: bool },
    /// We may not look.
    Denied { authentic: bool },
    /// Refused for another reason.
    Refused,
    /// Nothing that says something; it should be looked at again after this pause.
    Trouble(Duration),
}

/// Whether a job is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    No,
    Yes,
    /// It says so, and one of its parts says otherwise.
    Doubtful,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Look at that time.
    LookAt(Duration),
    /// Not again before everybody has stopped waiting.
    Rest,
    /// Not again.
    End(End),
}

/// Why a job is not looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is over.
    Over,
    /// The service does not know it (any more).
    NotKnown,
    /// We may not look.
    Denied,
    /// Looking at it is refused.
    Refused,
}

/// What else the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) polling: &'a Polling,
    /// When jobs of this kind usually end.
    pub(super) usual: Usual,
    /// Those who wait have no time beyond these.
    pub(super) deadlines: Deadlines,
}

/// Until when somebody waits for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// The next deadline to come.
    pub(super) next: Option<Duration>,
    /// After this time nobody waits.
    pub(super) last: Option<Duration>,
}

/// The watching of one job. Times are counted from any moment, the same for all.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// When the job began; if that is not known, when the watching did.
    began: Duration,
    began_is_known: bool,
    /// Until then it may be too new to be known. Of a job of which nothing is known, that begins with the first answer.
    new_until: Option<Duration>,
    grace: Duration,
    looks: u32,
    refusals: u32,
    doubts: u32,
}

impl Machine {
    /// A job that began at this time, or one of which nothing is known; `grace`: how long it may be too new to be
    /// known to the service.
    pub(super) fn new(now: Duration, began: Option<Duration>, grace: Duration) -> Self {
        Self {
            began: began.unwrap_or(now),
            began_is_known: began.is_some(),
            new_until: began.map(|_| now.saturating_add(grace)),
            grace,
            looks: 0,
            refusals: 0,
            doubts: 0,
        }
    }

    /// When to look first, where that need not be at once.
    pub(super) fn first_look(
        &self,
        now: Duration,
        given: &Circumstances<'_>,
        rng: &mut impl Rng,
    ) -> Action {
        let age = now.saturating_sub(self.began);
        let first = given.polling.first(given.usual);
        let pause = spread(first, rng).saturating_sub(age);
        in_time(
            now,
            now.saturating_add(pause),
            given.polling,
            given.deadlines,
        )
    }

    /// How long the job took that is over, if that can be told: `told` by the service's clock, and no longer than it was
    /// watched. One that was over when it was first seen ended some time before.
    pub(super) fn took(&self, now: Duration, told: Option<Duration>) -> Option<Duration> {
        let watched = self.began_is_known.then(|| now.saturating_sub(self.began));
        match told {
            Some(told) => Some(watched.map_or(told, |watched| told.min(watched))),
            None => watched.filter(|_| self.looks > 1),
        }
    }

    /// What follows from what a look showed.
    pub(super) fn on(
        &mut self,
        now: Duration,
        observation: Observation,
        given: &Circumstances<'_>,
        rng: &mut impl Rng,
    ) -> Action {
        self.looks = self.looks.saturating_add(1);
        let end = match observation {
            Observation::Seen { over, age } => {
                self.refusals = 0;
                if let Some(age) = age
                    && !self.began_is_known
                {
                    self.began = now.saturating_sub(age);
                    self.began_is_known = true;
                }
                self.doubts += u32::from(over == Over::Doubtful);
                match over {
                    Over::Yes => Some(End::Over),
                    Over::Doubtful if self.doubts >= DOUBTS => Some(End::Over),
                    Over::No | Over::Doubtful => None,
                }
            }
            Observation::NotKnown { .. } if self.may_be_new(now) => None,
            Observation::NotKnown { authentic } => self.refused(authentic, End::NotKnown),
            Observation::Denied { authentic } => self.refused(authentic, End::Denied),
            Observation::Refused => self.refused(false, End::Refused),
            Observation::Trouble(pause) => {
                // The service may have asked for this pause: no deadline makes it shorter.
                let next = now.saturating_add(pause.max(Duration::from_millis(1)));
                return match given.deadlines.last {
                    Some(last) if next >= last => Action::Rest,
                    _ => Action::LookAt(next),
                };
            }
        };
        if let Some(end) = end {
            return Action::End(end);
        }
        let age = now.saturating_sub(self.began);
        let pause = match observation {
            // It may be known any moment.
            Observation::NotKnown { .. } => given.polling.floor(),
            _ => given.polling.pause(self.looks, age, given.usual),
        };
        let next = now.saturating_add(spread(pause, rng));
        in_time(now, next, given.polling, given.deadlines)
    }

    fn may_be_new(&mut self, now: Duration) -> bool {
        let until = now.saturating_add(self.grace);
        now < *self.new_until.get_or_insert(until)
    }

    fn refused(&mut self, clear: bool, end: End) -> Option<End> {
        self.refusals += 1;
        (clear || self.refusals >= REFUSALS).then_some(end)
    }
}

/// Up to a tenth shorter or longer, so that looks at jobs that began together do not stay together.
fn spread(pause: Duration, rng: &mut impl Rng) -> Duration {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    pause.min(LONGEST).mul_f64(rng.random_range(0.9..=1.1))
}

/// A look that would come too late for the next who stops waiting comes just before: the answer takes a moment.
pub(super) fn in_time(
    now: Duration,
    next: Duration,
    polling: &Polling,
    deadlines: Deadlines,
) -> Action {
    let margin = polling.floor() / 2;
    let next = match deadlines.next.map(|next| next.saturating_sub(margin)) {
        Some(before) if next > before && before > now.saturating_add(margin) => before,
        _ => next,
    };
    match deadlines.last {
        Some(last) if next >= last => Action::Rest,
        _ => Action::LookAt(next),
    }
}

#[cfg(test)]
mod tests;
