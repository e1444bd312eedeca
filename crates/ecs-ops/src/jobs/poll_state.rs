//! The polling of one job: when to poll next, and when to stop. Pure: the caller passes the time.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::compact_duration::CompactDuration;
use super::polling::{ExpectedDuration, Polling};

/// The number of refusals in a row that end the polling, unless the first is authentic and nothing
/// was shown before.
const MAX_REFUSALS: u8 = 3;
/// The number of polls after which a contradictory job counts as finished.
const MAX_CONTRADICTIONS: u8 = 3;

/// The outcome of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PollOutcome {
    /// The service showed the job.
    Found {
        /// The completion of the job.
        over: Completion,
        /// Its age by the service's clock, if known.
        age: Option<Duration>,
    },
    /// The service does not know the job; `authentic`: the answer is the service's own.
    NotFound { authentic: bool },
    /// The service refused the query; `authentic`: certainly the service itself.
    Denied { authentic: bool },
    /// Refused for another reason.
    Refused,
    /// The answer says nothing about the job; poll again after this pause.
    Inconclusive(Duration),
}

/// The completion of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Running,
    Finished,
    /// The job says so, and one of its sub-jobs says otherwise.
    Contradictory,
}

/// The next action for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextPoll {
    /// Poll at this time.
    At(Duration),
    /// Do not poll again before all subscribers have stopped waiting.
    Never,
    /// Stop polling.
    Stop(WatchEnd),
}

/// The reason why a job is no longer polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchEnd {
    /// The job finished.
    Finished,
    /// The service does not know the job (any more).
    NotFound,
    /// The service refused the query.
    Denied,
    /// The service refuses to show it.
    Refused,
}

/// The context of a decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollContext<'a> {
    pub(super) polling: &'a Polling,
    /// The expected duration of jobs of this kind.
    pub(super) expected: ExpectedDuration,
    /// The deadlines of the subscribers.
    pub(super) deadlines: Deadlines,
}

/// The deadlines of a job's subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// The next deadline to come.
    pub(super) next: Option<Duration>,
    /// The last deadline. `None`: some subscriber waits without one.
    pub(super) last: Option<Duration>,
}

/// The polling of one job. Times are counted from one moment, the same for all jobs.
#[derive(Clone, Debug)]
pub(super) struct PollState {
    /// The beginning of the job or, if unknown, of the watch.
    began: CompactDuration,
    began_is_known: bool,
    /// Until then the service may not know the job yet. If its start is not known, this is set by
    /// the first answer.
    new_until: Option<CompactDuration>,
    grace: CompactDuration,
    polls: u32,
    /// `true` if the service showed the job.
    seen: bool,
    refusals: u8,
    contradictions: u8,
}

impl PollState {
    /// A job that began at this time, or at an unknown time; `grace`: how long the service may not
    /// know it yet.
    pub(super) fn new(now: Duration, began: Option<Duration>, grace: Duration) -> Self {
        Self {
            began: began.unwrap_or(now).into(),
            began_is_known: began.is_some(),
            new_until: began.map(|_| now.saturating_add(grace).into()),
            grace: grace.into(),
            polls: 0,
            seen: false,
            refusals: 0,
            contradictions: 0,
        }
    }

    /// Returns the time of the first poll, unless that is immediately.
    pub(super) fn first_poll(
        &self,
        now: Duration,
        context: &PollContext<'_>,
        rng: &mut impl Rng,
    ) -> NextPoll {
        let age = now.saturating_sub(self.began.get());
        let first = context.polling.first(context.expected);
        let pause = spread(first, rng).saturating_sub(age);
        in_time(
            now,
            now.saturating_add(pause),
            context.polling,
            context.deadlines,
        )
    }

    /// The duration of a finished job, if known: `reported` by the service's clock, but no longer
    /// than it was watched. A job that was finished at the first poll ended some time before.
    pub(super) fn took(&self, now: Duration, reported: Option<Duration>) -> Option<Duration> {
        let watched = self
            .began_is_known
            .then(|| now.saturating_sub(self.began.get()));
        match reported {
            Some(reported) => Some(watched.map_or(reported, |watched| reported.min(watched))),
            None => watched.filter(|_| self.polls > 1),
        }
    }

    /// Applies the outcome of a poll and decides what to do next.
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
                self.seen = true;
                if let Some(age) = age
                    && !self.began_is_known
                {
                    self.began = now.saturating_sub(age).into();
                    self.began_is_known = true;
                }
                let contradicts = u8::from(over == Completion::Contradictory);
                self.contradictions = self.contradictions.saturating_add(contradicts);
                match over {
                    Completion::Finished => Some(WatchEnd::Finished),
                    Completion::Contradictory if self.contradictions >= MAX_CONTRADICTIONS => {
                        Some(WatchEnd::Finished)
                    }
                    Completion::Running | Completion::Contradictory => None,
                }
            }
            PollOutcome::NotFound { .. } if self.may_be_new(now) => None,
            // A job that was shown before may be gone for a moment only.
            PollOutcome::NotFound { authentic } => {
                self.refused(authentic && !self.seen, WatchEnd::NotFound)
            }
            PollOutcome::Denied { authentic } => self.refused(authentic, WatchEnd::Denied),
            PollOutcome::Refused => self.refused(false, WatchEnd::Refused),
            PollOutcome::Inconclusive(pause) => {
                // The service may have requested this pause, so no deadline shortens it.
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
        let age = now.saturating_sub(self.began.get());
        let pause = match outcome {
            // The service may know it any moment.
            PollOutcome::NotFound { .. } if !self.seen => context.polling.floor(),
            _ => context.polling.pause(self.polls, age, context.expected),
        };
        let next = now.saturating_add(spread(pause, rng));
        in_time(now, next, context.polling, context.deadlines)
    }

    fn may_be_new(&mut self, now: Duration) -> bool {
        let until = now.saturating_add(self.grace.get()).into();
        now < self.new_until.get_or_insert(until).get()
    }

    fn refused(&mut self, clear: bool, end: WatchEnd) -> Option<WatchEnd> {
        self.refusals = self.refusals.saturating_add(1);
        (clear || self.refusals >= MAX_REFUSALS).then_some(end)
    }
}

/// Adds jitter of up to a tenth, so that polls of jobs that began together spread out.
fn spread(pause: Duration, rng: &mut impl Rng) -> Duration {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    pause.min(LONGEST).mul_f64(rng.random_range(0.9..=1.1))
}

/// Moves a poll that would miss the next deadline to just before it, since the answer takes a
/// moment.
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
