//! The number of servers that were accepted in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::settings::QUOTA_WINDOW;

/// A sliding window: exact, unlike a bucket that a burst can empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    accepted: VecDeque<(Duration, usize)>,
    sum: usize,
}

impl Window {
    /// Accepts `count` servers if the window that ends now then has at most `quota`; all of them or
    /// none. Servers that were accepted exactly one window ago have left it.
    pub(crate) fn take(&mut self, count: usize, quota: usize, now: Duration) -> bool {
        while let Some(&(at, left)) = self.accepted.front() {
            if now.saturating_sub(at) < QUOTA_WINDOW {
                break;
            }
            self.accepted.pop_front();
            self.sum -= left;
        }
        if count > quota.saturating_sub(self.sum) {
            return false;
        }
        self.accepted.push_back((now, count));
        self.sum += count;
        true
    }
}
