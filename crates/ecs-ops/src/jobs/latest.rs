//! What was seen of jobs and has not been read: of each job the newest. What a job is like is a state, not a log, so a slow
//! reader misses nothing that matters, and keeps no more than one sighting of each job in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::JobUpdate;

/// An inbox, from both sides.
pub(super) fn channel() -> (UpdateSender, UpdateReceiver) {
    let shared = Arc::new(LatestChannel::default());
    (UpdateSender(Arc::clone(&shared)), UpdateReceiver(shared))
}

#[derive(Default)]
struct LatestChannel {
    state: Mutex<LatestUpdates>,
    news: Notify,
}

#[derive(Default)]
struct LatestUpdates {
    /// Those that have something to be read, in the order in which it came.
    order: VecDeque<usize>,
    newest: HashMap<usize, JobUpdate>,
    /// Nothing more will come.
    closed: bool,
}

impl LatestChannel {
    fn lock(&self) -> MutexGuard<'_, LatestUpdates> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where sightings are put. Dropping it closes the inbox.
pub(super) struct UpdateSender(Arc<LatestChannel>);

impl UpdateSender {
    pub(super) fn send(&self, number: usize, update: JobUpdate) {
        let mut state = self.0.lock();
        if state.newest.insert(number, update).is_none() {
            state.order.push_back(number);
        }
        drop(state);
        self.0.news.notify_one();
    }
}

impl Drop for UpdateSender {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.news.notify_one();
    }
}

/// Where they are read.
pub(super) struct UpdateReceiver(Arc<LatestChannel>);

impl UpdateReceiver {
    /// The next one; nothing, if none is left and none will come. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Option<(usize, JobUpdate)> {
        loop {
            {
                let mut state = self.0.lock();
                if let Some(number) = state.order.pop_front()
                    && let Some(update) = state.newest.remove(&number)
                {
                    return Some((number, update));
                }
                if state.closed {
                    return None;
                }
            }
            self.0.news.notified().await;
        }
    }
}
