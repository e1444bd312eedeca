//! A channel that keeps the latest update of each job. An update describes a state, not a change,
//! so a slow reader misses nothing that matters, and memory holds at most one update of each job.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::JobUpdate;

/// Creates a channel.
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
    /// Jobs with an unread update, in the order of arrival.
    order: VecDeque<usize>,
    newest: HashMap<usize, JobUpdate>,
    /// `true` if the sender is gone.
    closed: bool,
}

impl LatestChannel {
    fn lock(&self) -> MutexGuard<'_, LatestUpdates> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending side. Dropping it closes the channel.
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

/// The receiving side.
pub(super) struct UpdateReceiver(Arc<LatestChannel>);

impl UpdateReceiver {
    /// The next update; `None` if the channel is closed and empty. Cancel-safe.
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
