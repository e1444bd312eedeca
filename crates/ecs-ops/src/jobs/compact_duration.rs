//! A duration of half the size, for what is held of each of ten thousand jobs.

use std::num::NonZeroU64;
use std::time::Duration;

/// A duration in nanoseconds, of at most 584 years. An `Option` of it takes 8 bytes, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CompactDuration(
    /// The nanoseconds, plus one.
    NonZeroU64,
);

impl CompactDuration {
    pub(super) fn get(self) -> Duration {
        Duration::from_nanos(self.0.get() - 1)
    }
}

impl From<Duration> for CompactDuration {
    /// A longer one is cut to the longest.
    fn from(duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanoseconds))
    }
}

impl std::fmt::Debug for CompactDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_duration_comes_back_as_it_was(nanoseconds in 0..u64::MAX - 1) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(CompactDuration::from(duration).get(), duration);
        }

        #[test]
        fn the_order_is_kept(one: u64, other: u64) {
            let (one, other) = (Duration::from_nanos(one), Duration::from_nanos(other));
            let compact = CompactDuration::from(one).cmp(&CompactDuration::from(other));
            prop_assert!(compact == one.cmp(&other) || one.max(other).as_nanos() >= u128::from(u64::MAX - 1));
        }
    }

    #[test]
    fn the_longest_is_an_end() {
        let longest = CompactDuration::from(Duration::MAX);
        assert_eq!(longest.get(), Duration::from_nanos(u64::MAX - 1));
        assert_eq!(size_of::<Option<CompactDuration>>(), 8);
    }
}
