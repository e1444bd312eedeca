//! The watchers of a client.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_client::Client;
use ecs_model::JobId;
use tokio::runtime::Id;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::latest;
use super::polling::{DurationStats, Polling};
use super::scheduler::{ScheduleOptions, SubscriberId};

/// The scheduler's time starts long before the client is made, since jobs may be older than it.
const BEFORE: Duration = Duration::from_secs(365 * 24 * 3600);

/// The watchers of a client: one for each runtime that uses it, mostly one. A watcher lives as long
/// as something is watched.
#[derive(Debug)]
pub(crate) struct WatcherRegistry {
    pub(super) client: Client,
    pub(super) options: JobsOptions,
    epoch: Instant,
    watchers: Mutex<Watchers>,
    durations: Mutex<DurationStats>,
    subscriptions: AtomicU64,
}

/// The settings for watching jobs.
#[derive(Debug)]
pub(crate) struct JobsOptions {
    pub(crate) polling: Polling,
    /// The most job queries in flight.
    pub(crate) concurrent_queries: usize,
}

/// By runtime: the task of a runtime that is not driven must not block others.
pub(super) type Watchers = HashMap<Id, UnboundedSender<WatcherCommand>>;

pub(super) enum WatcherCommand {
    Open(u64, latest::UpdateSender),
    Subscribe(SubscriberId, Arc<JobId>, ScheduleOptions),
    Unsubscribe(SubscriberId, Arc<JobId>),
    /// A subscription was dropped.
    Close(u64, Vec<(usize, Arc<JobId>)>),
}

impl WatcherRegistry {
    pub(crate) fn new(client: Client, options: JobsOptions) -> Self {
        Self {
            client,
            options,
            epoch: Instant::now(),
            watchers: Mutex::default(),
            durations: Mutex::default(),
            subscriptions: AtomicU64::new(0),
        }
    }

    /// The number of a new subscription.
    pub(super) fn subscription(&self) -> u64 {
        self.subscriptions.fetch_add(1, Ordering::Relaxed)
    }

    /// An instant as the scheduler counts time.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        match instant.checked_duration_since(self.epoch) {
            Some(after) => BEFORE.saturating_add(after),
            None => BEFORE.saturating_sub(self.epoch.saturating_duration_since(instant)),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.at(Instant::now())
    }

    pub(super) fn instant(&self, at: Duration) -> Option<Instant> {
        match at.checked_sub(BEFORE) {
            Some(after) => self.epoch.checked_add(after),
            None => self.epoch.checked_sub(BEFORE.saturating_sub(at)),
        }
    }

    pub(super) fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn durations(&self) -> MutexGuard<'_, DurationStats> {
        self.durations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
