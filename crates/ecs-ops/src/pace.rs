//! Never more servers than the quota in any window, as the service sees it.
//!
//! The service counts a batch at some moment between its sending and its answer, so a batch holds its share from before
//! it is sent until a whole window after its answer came. A token bucket would let a burst through at the seam of two
//! windows; this does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_transport::{Delivery, SendMark};
use tokio::sync::{Mutex as FairMutex, Notify};
use tokio::time::Instant;

/// The quota of one client in one project, shared by all its runs.
#[derive(Clone, Debug)]
pub(crate) struct Pace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    window: Duration,
    ledger: Mutex<Ledger>,
    /// Tokio's mutex hands itself on in the order of asking: whoever waits at its head waits for room.
    turn: FairMutex<()>,
    room: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    used: usize,
    /// Shares that come back, by when.
    returning: BTreeMap<Instant, usize>,
}

impl Ledger {
    fn collect(&mut self, now: Instant) {
        while let Some(entry) = self.returning.first_entry()
            && *entry.key() <= now
        {
            self.used -= entry.remove();
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is consistent between statements, so a panic elsewhere has not harmed it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    /// At most `limit` servers in any `window`.
    pub(crate) fn new(limit: usize, window: Duration) -> Self {
        Self(Arc::new(Shared {
            limit,
            window,
            ledger: Mutex::default(),
            turn: FairMutex::new(()),
            room: Notify::new(),
        }))
    }

    /// The most servers that can be asked for at once.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// Takes room for `servers` if there is some and nobody waits for it. Asking for more than the limit gets the whole
    /// limit.
    pub(crate) fn try_acquire(&self, servers: usize) -> Option<Share> {
        let _turn = self.0.turn.try_lock().ok()?;
        self.take(servers).ok()
    }

    /// Waits, in the order of asking, until there is room for `servers`, and takes it.
    pub(crate) async fn acquire(&self, servers: usize) -> Share {
        let _turn = self.0.turn.lock().await;
        loop {
            let room = self.0.room.notified();
            let next = match self.take(servers) {
                Ok(share) => return share,
                Err(next) => next,
            };
            match next {
                Some(when) => {
                    tokio::select! {
                        biased;
                        () = room => {}
                        () = tokio::time::sleep_until(when) => {}
                    }
                }
                None => room.await,
            }
        }
    }

    /// A share, or when some room comes back, if that is known.
    fn take(&self, servers: usize) -> Result<Share, Option<Instant>> {
        let servers = servers.min(self.0.limit);
        let mut ledger = self.0.ledger();
        ledger.collect(Instant::now());
        if ledger.used + servers > self.0.limit {
            return Err(ledger.returning.first_key_value().map(|(&when, _)| when));
        }
        ledger.used += servers;
        Ok(Share {
            pace: self.clone(),
            servers,
            mark: None,
        })
    }
}

/// A batch's share of the quota. Dropping it gives it back: at once if nothing can have been sent, otherwise a whole
/// window later.
#[derive(Debug)]
pub(crate) struct Share {
    pace: Pace,
    servers: usize,
    /// The mark of the attempt after which the service may have counted the batch.
    mark: Option<SendMark>,
}

impl Share {
    /// An attempt begins: the service may count the batch as soon as this mark is set.
    pub(crate) fn may_be_counted(&mut self, mark: SendMark) {
        self.mark = Some(mark);
    }

    /// It is certain that the service has not counted the batch.
    pub(crate) fn not_counted(&mut self) {
        self.mark = None;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let shared = &self.pace.0;
        let mut ledger = shared.ledger();
        let counted = self
            .mark
            .as_ref()
            .is_some_and(|mark| mark.delivery() == Delivery::MaybeSent);
        if counted {
            *ledger
                .returning
                .entry(Instant::now() + shared.window)
                .or_default() += self.servers;
        } else {
            ledger.used -= self.servers;
        }
        // The one who waits must look again: room now, or a time at which there will be.
        shared.room.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
