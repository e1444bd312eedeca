//! The rate limit of a client: evenly spaced requests, ordered mostly by priority.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as FairMutex;
use tokio::time::Instant;

/// The number of slots of which one goes to a waiting poll: submissions must not starve polls.
const FOR_LOW: u32 = 4;

/// Decides when the next request may be sent.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    interval: Duration,
    places: Mutex<Places>,
    /// Polls wait in the order of their calls.
    turn: FairMutex<()>,
}

#[derive(Debug, Default)]
struct Places {
    /// The time of the next slot; `None` before the first request.
    free: Option<Instant>,
    /// `true` if a poll is waiting.
    low_waits: bool,
    /// The number of slots that other requests took while it waited.
    skipped: u32,
    /// A slot reserved for a poll.
    kept: Option<Instant>,
}

impl Places {
    fn take(&mut self, now: Instant, interval: Duration) -> Instant {
        let at = self.free.map_or(now, |free| free.max(now));
        self.free = at.checked_add(interval);
        at
    }
}

impl RateLimiter {
    /// Creates a limit of one request per `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            places: Mutex::default(),
            turn: FairMutex::new(()),
        }
    }

    /// Takes the next slot and waits for it, for actions and queries of callers.
    pub(crate) async fn acquire_high(&self) {
        let now = Instant::now();
        let at = self.with(|places| {
            if places.low_waits && places.kept.is_none() {
                places.skipped += 1;
                if places.skipped == FOR_LOW {
                    places.kept = Some(places.take(now, self.interval));
                }
            }
            places.take(now, self.interval)
        });
        if at > now {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Waits for a slot that no request of high priority took, or for a reserved one.
    pub(crate) async fn acquire_low(&self) {
        let _turn = self.turn.lock().await;
        let _waiting = Waiting::new(self);
        loop {
            let now = Instant::now();
            let wait_until = self.with(|places| {
                if let Some(kept) = places.kept {
                    if kept <= now {
                        places.kept = None;
                        places.skipped = 0;
                        return None;
                    }
                    return Some(kept);
                }
                match places.free.filter(|free| *free > now) {
                    Some(free) => Some(free),
                    None => {
                        places.take(now, self.interval);
                        places.skipped = 0;
                        None
                    }
                }
            });
            match wait_until {
                Some(at) => tokio::time::sleep_until(at).await,
                None => return,
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Places) -> T) -> T {
        change(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A guard: a poll is waiting while it exists.
struct Waiting<'a>(&'a RateLimiter);

impl<'a> Waiting<'a> {
    fn new(limiter: &'a RateLimiter) -> Self {
        limiter.with(|places| places.low_waits = true);
        Self(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|places| {
            places.low_waits = false;
            places.kept = None;
        });
    }
}

#[cfg(test)]
mod tests;
