//! When to look at a job.

use std::time::Duration;

use crate::clock::scale;

/// How often a job is looked at.
///
/// ```
/// use std::time::Duration;
/// use ecs_ops::Polling;
///
/// let polling = Polling::default();
/// assert_eq!(polling.pause(0), Duration::from_secs(10)); // power actions take 15 to 35 s
/// assert_eq!(polling.pause(1), Duration::from_secs(4));
/// assert_eq!(polling.pause(100), Duration::from_secs(15));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polling {
    first: Duration,
    base: Duration,
    ceiling: Duration,
}

impl Default for Polling {
    /// First after 10 s, then after 4 s, each further pause a quarter longer, at most 15 s.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            base: Duration::from_secs(4),
            ceiling: Duration::from_secs(15),
        }
    }
}

impl Polling {
    /// First after `first`, then after `base`, each further pause a quarter longer, at most `ceiling`.
    pub fn new(first: Duration, base: Duration, ceiling: Duration) -> Self {
        Self {
            first,
            base,
            ceiling: ceiling.max(base),
        }
    }

    /// The pause after this many looks.
    pub fn pause(&self, looks: u32) -> Duration {
        const GROWTH: f64 = 1.25;
        match looks.checked_sub(1) {
            None => self.first,
            Some(further) => {
                let grown = self.base.as_secs_f64() * GROWTH.powi(further.min(100).cast_signed());
                Duration::try_from_secs_f64(grown)
                    .map_or(self.ceiling, |grown| grown.min(self.ceiling))
            }
        }
    }

    /// Whether some pause is zero: that would be a storm.
    pub(crate) fn storms(&self) -> bool {
        self.base.is_zero()
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self {
            first: scale(self.first, factor),
            base: scale(self.base, factor),
            ceiling: scale(self.ceiling, factor),
        }
    }
}
