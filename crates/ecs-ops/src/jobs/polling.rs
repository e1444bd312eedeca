//! The schedule of a job's polls. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ecs_client::Error;
use ecs_client::clock::{doubled, scale};

use super::compact_duration::CompactDuration;

/// The intervals between the polls of a job. A client refuses a shortest pause of zero, and a longest one
/// below it.
///
/// ```
/// use std::time::Duration;
/// use ecs_ops::{Client, jobs::Polling};
///
/// // First after 5 s as long as nothing is known of such jobs, then 1 to 30 s apart.
/// let second = Duration::from_secs(1);
/// let polling = Polling::adaptive(5 * second, second, 30 * second);
/// # let _ = polling;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polling {
    shape: Shape,
    first: Duration,
    floor: Duration,
    ceiling: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Adaptive,
    Fixed,
    Exponential,
}

impl Default for Polling {
    /// Adaptive: first after 10 s, then 2 to 15 s apart.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self::adaptive(seconds(10), seconds(2), seconds(15))
    }
}

impl Polling {
    /// The first poll comes when jobs of this kind usually begin to end, learned from the client's
    /// own jobs; `first` applies until there are some. Further polls are spaced by how much these
    /// jobs differ, and grow with the job's age beyond that, from `floor` to `ceiling`.
    pub fn adaptive(first: Duration, floor: Duration, ceiling: Duration) -> Self {
        Self {
            shape: Shape::Adaptive,
            first,
            floor,
            ceiling,
        }
    }

    /// Polls every `interval`. Costs more polls and notices the end of a job later than
    /// [`adaptive`](Self::adaptive).
    pub fn fixed(interval: Duration) -> Self {
        Self {
            shape: Shape::Fixed,
            first: interval,
            floor: interval,
            ceiling: interval,
        }
    }

    /// The first poll comes after `first`; each pause is twice the one before, up to `ceiling`.
    /// Costs more polls and notices the end of a job later than [`adaptive`](Self::adaptive).
    pub fn exponential(first: Duration, ceiling: Duration) -> Self {
        Self {
            shape: Shape::Exponential,
            first,
            floor: first,
            ceiling,
        }
    }

    /// The time from a job's start to its first poll.
    pub(super) fn first(&self, expected: ExpectedDuration) -> Duration {
        match self.shape {
            Shape::Adaptive => expected.begin(),
            Shape::Fixed | Shape::Exponential => self.first,
        }
    }

    /// The pause after poll number `polls` of a job of this age.
    pub(super) fn pause(&self, polls: u32, age: Duration, expected: ExpectedDuration) -> Duration {
        match self.shape {
            Shape::Fixed => self.floor,
            Shape::Exponential => doubled(self.first, polls, self.ceiling),
            Shape::Adaptive => match expected.begin().checked_sub(age) {
                // Too early: it was polled for another reason.
                Some(early) if early > self.floor => early,
                _ => {
                    let late = age.saturating_sub(expected.begin());
                    let pause = (expected.spread() / 100).saturating_mul(21).max(late / 4);
                    pause.min(self.ceiling).max(self.floor)
                }
            },
        }
    }

    /// The shortest pause.
    pub(super) fn floor(&self) -> Duration {
        self.floor
    }

    /// The assumption about jobs of an unknown kind.
    pub(super) fn assumed(&self) -> ExpectedDuration {
        // Power actions take 15 to 35 s where the first poll is after 10.
        ExpectedDuration::new(self.first, self.first.saturating_mul(2))
    }

    /// Refuses a pause of zero, which would flood the service, and a ceiling below the floor.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.ceiling < self.floor {
            let (longest, shortest) = (self.ceiling, self.floor);
            return Err(Error::invalid(format!(
                "the longest pause between polls ({longest:?}) is below the shortest ({shortest:?})"
            )));
        }
        if self.floor.is_zero() {
            return Err(Error::invalid("a pause between polls must not be zero"));
        }
        Ok(())
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self {
            shape: self.shape,
            first: scale(self.first, factor),
            floor: scale(self.floor, factor),
            ceiling: scale(self.ceiling, factor),
        }
    }
}

/// The expected duration of jobs of one kind: the first end after `begin`, most within `spread`
/// from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExpectedDuration {
    begin: CompactDuration,
    spread: CompactDuration,
}

impl ExpectedDuration {
    pub(super) fn new(begin: Duration, spread: Duration) -> Self {
        Self {
            begin: begin.into(),
            spread: spread.into(),
        }
    }

    pub(super) fn begin(self) -> Duration {
        self.begin.get()
    }

    pub(super) fn spread(self) -> Duration {
        self.spread.get()
    }
}

/// The kind of the last job: mostly that of the next one, too, which then shares it.
#[derive(Debug, Default)]
pub(super) struct LastKind(Option<Arc<str>>);

impl LastKind {
    /// The kind, held once for jobs that follow each other.
    pub(super) fn share(&mut self, kind: Arc<str>) -> Arc<str> {
        match &self.0 {
            Some(last) if *last == kind => Arc::clone(last),
            _ => Arc::clone(self.0.insert(kind)),
        }
    }
}

/// The durations of the client's own jobs, by kind.
#[derive(Debug, Default)]
pub(super) struct DurationStats(HashMap<String, VecDeque<Duration>>);

impl DurationStats {
    /// The number of durations remembered for each kind, and of kinds.
    const JOBS: usize = 32;
    const KINDS: usize = 64;
    /// The weight of the assumptions, in observed jobs. The spread needs more, since the short ones
    /// of jobs that began together are seen first.
    const ASSUMED_BEGIN: u32 = 4;
    const ASSUMED_SPREAD: u32 = 16;

    /// Adds the duration of a finished job.
    pub(super) fn learn(&mut self, kind: &str, took: Duration) {
        if !self.0.contains_key(kind) && self.0.len() >= Self::KINDS {
            return;
        }
        let jobs = self.0.entry(kind.to_owned()).or_default();
        if jobs.len() == Self::JOBS {
            jobs.pop_front();
        }
        jobs.push_back(took);
    }

    /// The expected duration of jobs of this kind.
    pub(super) fn expected(&self, kind: &str, polling: &Polling) -> ExpectedDuration {
        let assumed = polling.assumed();
        let Some(jobs) = self.0.get(kind) else {
            return assumed;
        };
        let mut sorted: Vec<Duration> = jobs.iter().copied().collect();
        sorted.sort_unstable();
        // The 10th and 90th percentile.
        let tenth = sorted.len() / 10;
        let (Some(early), Some(late)) = (
            sorted.get(tenth),
            sorted.get(sorted.len().saturating_sub(1 + tenth)),
        ) else {
            return assumed;
        };
        let seen = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        let blend = |assumed: Duration, weight: u32, seen_so: Duration| {
            let sum = assumed
                .saturating_mul(weight)
                .saturating_add(seen_so.saturating_mul(seen));
            sum / (weight + seen)
        };
        // The service's times may be wrong, so the expectation is capped.
        let longest = polling.ceiling.saturating_mul(20);
        let begin = blend(assumed.begin(), Self::ASSUMED_BEGIN, *early);
        let spread = late.saturating_sub(*early);
        ExpectedDuration::new(
            begin.min(longest.max(assumed.begin())),
            blend(assumed.spread(), Self::ASSUMED_SPREAD, spread),
        )
    }
}
