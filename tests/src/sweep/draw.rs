//! Random choices of scenarios.

use std::time::Duration;

use rand::{Rng, RngExt};

pub(super) fn sometime(rng: &mut impl Rng, how_often: f64) -> Option<Duration> {
    let longest = pick(rng, &[500, 20_000, 90_000, 400_000]);
    rng.random_bool(how_often)
        .then(|| Duration::from_millis(rng.random_range(0..longest)))
}

pub(super) fn secs(rng: &mut impl Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_secs(rng.random_range(range))
}

pub(super) fn pick<T: Copy>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}
