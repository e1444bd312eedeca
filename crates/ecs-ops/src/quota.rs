//! The quota of servers: never more than the limit in any window, as the service sees it.
//!
//! The service counts a request at some moment between its sending and its answer, so a request
//! holds its permit from before it is sent until a whole window after its answer. A token bucket
//! would allow a burst at the boundary of two windows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_transport::{Delivery, SendMark};
use tokio::sync::{Mutex as FairMutex, Notify};
use tokio::time::Instant;

/// The quota of one client in one project, shared by all its runs.
#[derive(Clone, Debug)]
pub(crate) struct ServerQuota(Arc<SharedQuota>);

#[derive(Debug)]
struct SharedQuota {
    limit: usize,
    window: Duration,
    usage: Mutex<QuotaUsage>,
    /// Tokio's mutex is fair: its holder waits for room.
    turn: FairMutex<()>,
    room: Notify,
}

#[derive(Debug, Default)]
struct QuotaUsage {
    used: usize,
    /// Permits in use that are returned at a known time.
    returning: BTreeMap<Instant, usize>,
    /// Servers of requests that wait for room.
    waiting: usize,
}

impl QuotaUsage {
    fn collect(&mut self, now: Instant) {
        while let Some(entry) = self.returning.first_entry()
            && *entry.key() <= now
        {
            self.used -= entry.remove();
        }
    }
}

impl SharedQuota {
    fn usage(&self) -> MutexGuard<'_, QuotaUsage> {
        // The usage is consistent between statements, so a panic elsewhere has not harmed it.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerQuota {
    /// At most `limit` servers in any `window`.
    pub(crate) fn new(limit: usize, window: Duration) -> Self {
        Self(Arc::new(SharedQuota {
            limit,
            window,
            usage: Mutex::default(),
            turn: FairMutex::new(()),
            room: Notify::new(),
        }))
    }

    /// The limit: the most servers of one request.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// The window.
    pub(crate) fn window(&self) -> Duration {
        self.0.window
    }

    /// Holds the share of a request that another process sent, which the service counted so long
    /// ago at the latest. More may be held then than the limit, until shares come back.
    pub(crate) fn restore(&self, servers: usize, age: Duration) {
        let Some(left) = self
            .0
            .window
            .checked_sub(age)
            .filter(|left| !left.is_zero())
        else {
            return;
        };
        let servers = servers.min(self.0.limit);
        let mut usage = self.0.usage();
        usage.used += servers;
        *usage.returning.entry(Instant::now() + left).or_default() += servers;
    }

    /// Acquires a permit if there is room and no other waiter. A request above the limit gets the
    /// whole limit.
    pub(crate) fn try_acquire(&self, servers: usize) -> Option<QuotaPermit> {
        let _turn = self.0.turn.try_lock().ok()?;
        self.take(servers).ok()
    }

    /// Returns the approximate time until there is room for a request that comes now: behind those that wait
    /// already. A request that is underway is taken to be answered now.
    pub(crate) fn room_in(&self, servers: usize) -> Duration {
        let (limit, window) = (self.0.limit.max(1), self.0.window);
        let now = Instant::now();
        let mut usage = self.0.usage();
        usage.collect(now);
        let needed = usage.waiting + servers.min(limit);
        // More may be in use than the limit, after a restart.
        let mut returned = limit.saturating_sub(usage.used);
        let over = usage.used.saturating_sub(limit);
        if needed + over <= returned {
            return Duration::ZERO;
        }
        for (when, share) in &usage.returning {
            returned += share;
            if needed + over <= returned {
                return when.saturating_duration_since(now);
            }
        }
        // The permits in use now come back after a window, and then the whole limit with each one.
        let underway = usage.used - usage.returning.values().sum::<usize>();
        let left = (needed + over).saturating_sub(returned + underway);
        let windows = u32::try_from(left.div_ceil(limit)).unwrap_or(u32::MAX);
        window.saturating_mul(windows.saturating_add(1))
    }

    /// Waits, in the order of the calls, until there is room, and acquires a permit.
    pub(crate) async fn acquire(&self, servers: usize) -> QuotaPermit {
        let _waiting = Waiting::begin(&self.0, servers);
        let _turn = self.0.turn.lock().await;
        loop {
            let room = self.0.room.notified();
            let next = match self.take(servers) {
                Ok(permit) => return permit,
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

    /// A permit or, if there is no room, when the next one is returned, if known.
    fn take(&self, servers: usize) -> Result<QuotaPermit, Option<Instant>> {
        let servers = servers.min(self.0.limit);
        let mut usage = self.0.usage();
        usage.collect(Instant::now());
        if usage.used + servers > self.0.limit {
            return Err(usage.returning.first_key_value().map(|(&when, _)| when));
        }
        usage.used += servers;
        Ok(QuotaPermit {
            quota: self.clone(),
            servers,
            mark: None,
        })
    }
}

/// A request that waits for room, until it is dropped.
struct Waiting<'a> {
    quota: &'a SharedQuota,
    servers: usize,
}

impl<'a> Waiting<'a> {
    fn begin(quota: &'a SharedQuota, servers: usize) -> Self {
        let servers = servers.min(quota.limit);
        quota.usage().waiting += servers;
        Self { quota, servers }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.quota.usage().waiting -= self.servers;
    }
}

/// A permit of a request. Dropping it returns the room: immediately if nothing can have been sent,
/// otherwise after a whole window.
#[derive(Debug)]
pub(crate) struct QuotaPermit {
    quota: ServerQuota,
    servers: usize,
    /// The send mark of the attempt that the service may have counted.
    mark: Option<SendMark>,
}

impl QuotaPermit {
    /// Starts an attempt: the service may count the request once this mark is set.
    pub(crate) fn may_be_counted(&mut self, mark: SendMark) {
        self.mark = Some(mark);
    }

    /// Notes that the service has certainly not counted the request.
    pub(crate) fn not_counted(&mut self) {
        self.mark = None;
    }
}

impl Drop for QuotaPermit {
    fn drop(&mut self) {
        let shared = &self.quota.0;
        let mut usage = shared.usage();
        let counted = self
            .mark
            .as_ref()
            .is_some_and(|mark| mark.delivery() == Delivery::MaybeSent);
        if counted {
            *usage
                .returning
                .entry(Instant::now() + shared.window)
                .or_default() += self.servers;
        } else {
            usage.used -= self.servers;
        }
        // Wake the waiting caller: there is room now, or a time when there will be.
        shared.room.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
