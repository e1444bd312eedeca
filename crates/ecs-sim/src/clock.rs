//! The region's clock, based on tokio's time.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

/// The time since the clock was first read, multiplied by the speed. It starts with the first
/// reading, so that it can be created outside of a runtime, whose time may differ.
#[derive(Debug)]
pub(crate) struct Clock {
    begin: OnceLock<Instant>,
    speed: NonZeroU32,
}

impl Clock {
    pub(crate) fn new(speed: NonZeroU32) -> Self {
        Self {
            begin: OnceLock::new(),
            speed,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let begin = *self.begin.get_or_init(Instant::now);
        let elapsed = Instant::now().saturating_duration_since(begin);
        elapsed.saturating_mul(self.speed.get())
    }

    pub(crate) fn speed(&self) -> NonZeroU32 {
        self.speed
    }
}
