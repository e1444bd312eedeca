//! When to look at a job. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ecs_client::clock::{doubled, scale};

/// How often a job is looked at.
///
/// ```
/// use std::time::Duration;
/// use ecs_ops::{Client, Polling};
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
    /// A first look when this kind of job usually begins to end: learned from the client's own jobs of the kind, and
    /// `first` until there are some. Then looks at a distance that suits how much these jobs differ, and grows with the
    /// job's age beyond that, from `floor` to `ceiling`.
    pub fn adaptive(first: Duration, floor: Duration, ceiling: Duration) -> Self {
        Self {
            shape: Shape::Adaptive,
            first,
            floor,
            ceiling: ceiling.max(floor),
        }
    }

    /// A look every `interval`, whatever is known. Costs more looks and shows the end of a job later than
    /// [`adaptive`](Self::adaptive).
    pub fn fixed(interval: Duration) -> Self {
        Self {
            shape: Shape::Fixed,
            first: interval,
            floor: interval,
            ceiling: interval,
        }
    }

    /// A look after `first`, and each further one twice as long after the one before, up to `ceiling`. Costs more looks
    /// and shows the end of a job later than [`adaptive`](Self::adaptive).
    pub fn exponential(first: Duration, ceiling: Duration) -> Self {
        Self {
            shape: Shape::Exponential,
            first,
            floor: first,
            ceiling: ceiling.max(first),
        }
    }

    /// How long after a job's beginning it is looked at first.
    pub(super) fn first(&self, expected: ExpectedDuration) -> Duration {
        match self.shape {
            Shape::Adaptive => expected.begin,
            Shape::Fixed | Shape::Exponential => self.first,
        }
    }

    /// The pause after the `polls`th look, at a job of this age that had not ended.
    pub(super) fn pause(&self, polls: u32, age: Duration, expected: ExpectedDuration) -> Duration {
        match self.shape {
            Shape::Fixed => self.floor,
            Shape::Exponential => doubled(self.first, polls, self.ceiling),
            Shape::Adaptive => match expected.begin.checked_sub(age) {
                // Too early: it was looked at for another reason.
                Some(early) if early > self.floor => early,
                _ => {
                    let late = age.saturating_sub(expected.begin);
                    let pause = (expected.spread / 100).saturating_mul(21).max(late / 4);
                    pause.clamp(self.floor, self.ceiling)
                }
            },
        }
    }

    /// The shortest pause.
    pub(super) fn floor(&self) -> Duration {
        self.floor
    }

    /// What is assumed of jobs of which nothing is known.
    pub(super) fn assumed(&self) -> ExpectedDuration {
        ExpectedDuration {
            begin: self.first,
            // Power actions take 15 to 35 s where the first look is after 10.
            spread: self.first.saturating_mul(2),
        }
    }

    /// Whether some pause is zero: that would be a storm.
    pub(crate) fn has_zero_delay(&self) -> bool {
        self.floor.is_zero()
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

/// When jobs of one kind usually end: they begin to after `begin`, and most have within `spread` from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExpectedDuration {
    pub(super) begin: Duration,
    pub(super) spread: Duration,
}

/// How long the client's own jobs took, by their kind.
#[derive(Debug, Default)]
pub(super) struct DurationStats(HashMap<String, VecDeque<Duration>>);

impl DurationStats {
    /// So many of the last jobs of a kind are remembered, of so many kinds.
    const JOBS: usize = 32;
    const KINDS: usize = 64;
    /// What is assumed of when they begin to end weighs as much as so many jobs that were seen; and of how far apart they end:
    /// of jobs that began together the short ones are seen first.
    const ASSUMED_BEGIN: u32 = 4;
    const ASSUMED_SPREAD: u32 = 16;

    /// A job of this kind took so long.
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

    /// When jobs of this kind usually end.
    pub(super) fn expected(&self, kind: &str, polling: &Polling) -> ExpectedDuration {
        let assumed = polling.assumed();
        let Some(jobs) = self.0.get(kind) else {
            return assumed;
        };
        let mut sorted: Vec<Duration> = jobs.iter().copied().collect();
        sorted.sort_unstable();
        // One job in ten may end before, one in ten after.
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
        // Times that a service writes down may be wrong: no job goes unseen for long because of them.
        let longest = polling.ceiling.saturating_mul(20);
        ExpectedDuration {
            begin: blend(assumed.begin, Self::ASSUMED_BEGIN, *early)
                .min(longest.max(assumed.begin)),
            spread: blend(
                assumed.spread,
                Self::ASSUMED_SPREAD,
                late.saturating_sub(*early),
            ),
        }
    }
}
