//! Rejected credentials, of whatever job: a few wrong signatures in a row lock a key.

use std::time::Duration;

use ecs_client::clock::after;
use tokio::time::Instant;

/// The number of rejections in a row, of all jobs together, that end the polling. Five lock a key.
pub(super) const MAX_REJECTIONS: u32 = 3;

/// Rejections since the last poll that was not rejected.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    count: u32,
    held_until: Option<Instant>,
}

impl Rejections {
    /// Adds one: all polls are held for this long, for twice as long after each further one.
    /// Returns their number.
    pub(super) fn add(&mut self, pause: Duration) -> u32 {
        let pause = pause.saturating_mul(1 << self.count.min(8));
        self.held_until = Some(after(pause));
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// Returns `true` if there are any.
    pub(super) fn any(&self) -> bool {
        self.count > 0
    }

    /// Returns the time before which no poll is sent; `None` if they are not held.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_until.filter(|until| *until > Instant::now())
    }
}
