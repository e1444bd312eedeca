//! How many servers were accepted in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::settings::QUOTA_WINDOW;

/// A sliding window: exact, not a bucket that can be emptied in a burst.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    accepted: VecDeque<(Duration, usize)>,
    sum: usize,
}

impl Window {
    /// Takes `count` servers if with them no more than `quota` are in the window that ends now; all of them or none.
    /// What was accepted exactly one window ago has left it.
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
