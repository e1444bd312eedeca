//! Watching one job: when to look next, and when to stop. Pure: it is told the time.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::polling::{ExpectedDuration, Polling};

/// How often a refusal is doubted that does not say that the job is unknown, or does not look like the service's.
const MAX_REFUSALS: u32 = 3;
/// How often a job is looked at that is over and contradicts itself.
const MAX_CONTRADICTIONS: u32 = 3;

/// What a look at a job showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PollOutcome {
    /// The job.
    Found {
        /// It ended, and nothing in it says otherwise.
        over: Completion,
        /// How long it has been going on by the service's clock, where that can be told.
        age: Option<Duration>,
    },
    /// The service does not know it; whether the answer looks like the service's own.
    NotFound { authentic: bool },
    /// We may not look.
    Denied { authentic: bool },
    /// Refused for another reason.
    Refused,
    /// Nothing that says something; it should be looked at again after this pause.
    Inconclusive(Duration),
}

/// Whether a job is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Running,
    Finished,
    /// It says so, and one of its parts says otherwise.
    Contradictory,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextPoll {
    /// Look at that time.
    At(Duration),
    /// Not again before everybody has stopped waiting.
    Never,
    /// Not again.
    Stop(WatchEnd),
}

/// Why a job is not looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchEnd {
    /// It is over.
    Finished,
    /// The service does not know it (any more).
    NotFound,
    /// We may not look.
    Denied,
    /// Looking at it is refused.
    Refused,
}

/// What else the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollContext<'a> {
    pub(super) polling: &'a Polling,
    /// When jobs of this kind usually end.
    pub(super) expected: ExpectedDuration,
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
pub(super) struct PollState {
    /// When the job began; if that is not known, when the watching did.
    began: Duration,
    began_is_known: bool,
    /// Until then it may be too new to be known. Of a job of which nothing is known, that begins with the first answer.
    new_until: Option<Duration>,
    grace: Duration,
    polls: u32,
    refusals: u32,
    contradictions: u32,
}

impl PollState {
    /// A job that began at this time, or one of which nothing is known; `grace`: how long it may be too new to be
    /// known to the service.
    pub(super) fn new(now: Duration, began: Option<Duration>, grace: Duration) -> Self {
        Self {
            began: began.unwrap_or(now),
            began_is_known: began.is_some(),
            new_until: began.map(|_| now.saturating_add(grace)),
            grace,
            polls: 0,
            refusals: 0,
            contradictions: 0,
        }
    }

    /// When to look first, where that need not be at once.
    pub(super) fn first_poll(
        &self,
        now: Duration,
        context: &PollContext<'_>,
        rng: &mut impl Rng,
    ) -> NextPoll {
        let age = now.saturating_sub(self.began);
        let first = context.polling.first(context.expected);
        let pause = spread(first, rng).saturating_sub(age);
        in_time(
            now,
            now.saturating_add(pause),
            context.polling,
            context.deadlines,
        )
    }

    /// How long the job took that is over, if that can be told: `reported` by the service's clock, and no longer than it was
    /// watched. One that was over when it was first seen ended some time before.
    pub(super) fn took(&self, now: Duration, reported: Option<Duration>) -> Option<Duration> {
        let watched = self.began_is_known.then(|| now.saturating_sub(self.began));
        match reported {
            Some(reported) => Some(watched.map_or(reported, |watched| reported.min(watched))),
            None => watched.filter(|_| self.polls > 1),
        }
    }

    /// What follows from what a look showed.
    pub(super) fn on(
        &mut self,
        now: Duration,
        outcome: PollOutcome,
        context: &PollContext<'_>,
        rng: &mut impl Rng,
    ) -> NextPoll {
        self.polls = self.polls.saturating_add(1);
        let end = match outcome {
            PollOutcome::Found { over, age } => {
                self.refusals = 0;
                if let Some(age) = age
                    && !self.began_is_known
                {
                    self.began = now.saturating_sub(age);
                    self.began_is_known = true;
                }
                self.contradictions += u32::from(over == Completion::Contradictory);
                match over {
                    Completion::Finished => Some(WatchEnd::Finished),
                    Completion::Contradictory if self.contradictions >= MAX_CONTRADICTIONS => {
                        Some(WatchEnd::Finished)
                    }
                    Completion::Running | Completion::Contradictory => None,
                }
            }
            PollOutcome::NotFound { .. } if self.may_be_new(now) => None,
            PollOutcome::NotFound { authentic } => self.refused(authentic, WatchEnd::NotFound),
            PollOutcome::Denied { authentic } => self.refused(authentic, WatchEnd::Denied),
            PollOutcome::Refused => self.refused(false, WatchEnd::Refused),
            PollOutcome::Inconclusive(pause) => {
                // The service may have asked for this pause: no deadline makes it shorter.
                let next = now.saturating_add(pause.max(Duration::from_millis(1)));
                return match context.deadlines.last {
                    Some(last) if next >= last => NextPoll::Never,
                    _ => NextPoll::At(next),
                };
            }
        };
        if let Some(end) = end {
            return NextPoll::Stop(end);
        }
        let age = now.saturating_sub(self.began);
        let pause = match outcome {
            // It may be known any moment.
            PollOutcome::NotFound { .. } => context.polling.floor(),
            _ => context.polling.pause(self.polls, age, context.expected),
        };
        let next = now.saturating_add(spread(pause, rng));
        in_time(now, next, context.polling, context.deadlines)
    }

    fn may_be_new(&mut self, now: Duration) -> bool {
        let until = now.saturating_add(self.grace);
        now < *self.new_until.get_or_insert(until)
    }

    fn refused(&mut self, clear: bool, end: WatchEnd) -> Option<WatchEnd> {
        self.refusals += 1;
        (clear || self.refusals >= MAX_REFUSALS).then_some(end)
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
) -> NextPoll {
    let margin = polling.floor() / 2;
    let next = match deadlines.next.map(|next| next.saturating_sub(margin)) {
        Some(before) if next > before && before > now.saturating_add(margin) => before,
        _ => next,
    };
    match deadlines.last {
        Some(last) if next >= last => NextPoll::Never,
        _ => NextPoll::At(next),
    }
}

#[cfg(test)]
mod tests;
