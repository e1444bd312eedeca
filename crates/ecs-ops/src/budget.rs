//! The requests of a client, evenly spread: what acts on servers first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as FairMutex;
use tokio::time::Instant;

/// When the next request may be sent.
#[derive(Debug)]
pub(crate) struct Budget {
    interval: Duration,
    /// Nothing is sent before. Nothing is known, as long as nothing was sent.
    free: Mutex<Option<Instant>>,
    /// Looks wait in the order of asking.
    turn: FairMutex<()>,
}

impl Budget {
    /// A request each `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            free: Mutex::default(),
            turn: FairMutex::new(()),
        }
    }

    /// Takes the next place, and waits for it.
    pub(crate) async fn request(&self) {
        let now = Instant::now();
        let at = self.with(|free| {
            let at = free.map_or(now, |free| free.max(now));
            *free = at.checked_add(self.interval);
            at
        });
        if at > now {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Waits until there is a place that no other kind of request has taken.
    pub(crate) async fn look(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let now = Instant::now();
            let taken = self.with(|free| match free.filter(|free| *free > now) {
                Some(until) => Some(until),
                None => {
                    *free = now.checked_add(self.interval);
                    None
                }
            });
            match taken {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        change(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
