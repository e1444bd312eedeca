//! What was seen of jobs and has not been read: of each job the newest. What a job is like is a state, not a log, so a slow
//! reader misses nothing that matters, and keeps no more than one sighting of each job in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Sighting;

/// An inbox, from both sides.
pub(super) fn inbox() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    /// Those that have something to be read, in the order in which it came.
    order: VecDeque<usize>,
    newest: HashMap<usize, Sighting>,
    /// Nothing more will come.
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where sightings are put. Dropping it closes the inbox.
pub(super) struct Sender(Arc<Shared>);

impl Sender {
    pub(super) fn send(&self, number: usize, sighting: Sighting) {
        let mut state = self.0.lock();
        if state.newest.insert(number, sighting).is_none() {
            state.order.push_back(number);
        }
        drop(state);
        self.0.news.notify_one();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.news.notify_one();
    }
}

/// Where they are read.
pub(super) struct Receiver(Arc<Shared>);

impl Receiver {
    /// The next one; nothing, if none is left and none will come. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Option<(usize, Sighting)> {
        loop {
            {
                let mut state = self.0.lock();
                if let Some(number) = state.order.pop_front()
                    && let Some(sighting) = state.newest.remove(&number)
                {
                    return Some((number, sighting));
                }
                if state.closed {
                    return None;
                }
            }
            self.0.news.notified().await;
        }
    }
}
