//! Notifications of changed runs.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::{Shared, Store};

/// The most hints that are kept for a slow reader. Further ones are dropped, and the poll finds
/// what they were about.
const KEPT_HINTS: usize = 1024;

/// A change in a store, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These runs.
    Runs(BTreeSet<String>),
    /// Perhaps any run, perhaps none: it is time to read again.
    Any,
}

impl Change {
    /// Returns whether it may be about this run.
    pub fn concerns(&self, run_id: &str) -> bool {
        match self {
            Self::Runs(runs) => runs.contains(run_id),
            Self::Any => true,
        }
    }
}

/// Signals when to read again: see [`Store::changes`].
#[derive(Debug)]
pub struct Changes {
    store: Arc<Shared>,
    /// Nothing listens before the first [`next`](Self::next).
    listening: Option<Listening>,
    next_poll: Instant,
}

#[derive(Debug)]
struct Listening {
    hints: Receiver<Hint>,
    task: AbortHandle,
}

/// The run that changed; `None`: perhaps any.
type Hint = Option<String>;

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The receiver of a [`Backend`](super::Backend)'s hints about changes. Hints may be lost, late, repeated or wrong.
#[derive(Clone, Debug)]
pub struct Hints(Sender<Hint>);

impl Hints {
    /// Reports that this run changed.
    pub fn run_changed(&self, run_id: &str) {
        // A full channel, or a reader that is gone.
        let _ = self.0.try_send(Some(run_id.to_owned()));
    }

    /// Reports that any run may have changed, such as after a time without hints.
    pub fn anything_changed(&self) {
        let _ = self.0.try_send(None);
    }
}

impl Store {
    /// Signals when runs changed: by notifications of the database, and in any case each
    /// [`poll_interval`](super::StoreTimes::poll_interval). A signal has no content: read it with
    /// [`runs`](Store::runs) or [`read_run`](Store::read_run). Changes before the first
    /// [`next`](Changes::next) may be omitted, so read once before it.
    ///
    /// A run whose process dies changes nothing: a read shows that it is silent.
    pub fn changes(&self) -> Changes {
        Changes {
            store: Arc::clone(&self.0),
            listening: None,
            next_poll: Instant::now() + self.0.times.poll_interval,
        }
    }
}

impl Changes {
    /// Waits for the next change. Changes since the last call are one. Never ends. Cancel-safe.
    pub async fn next(&mut self) -> Change {
        let listening = self.listening.get_or_insert_with(|| {
            let (sender, hints) = channel(KEPT_HINTS);
            let listen = self.store.backend.listen(Hints(sender));
            let task = tokio::spawn(listen).abort_handle();
            Listening { hints, task }
        });
        let first = tokio::select! {
            hint = hint(&mut listening.hints) => hint,
            () = sleep_until(self.next_poll) => None,
        };
        let mut runs = BTreeSet::new();
        let mut is_any = false;
        let more = std::iter::from_fn(|| listening.hints.try_recv().ok());
        for hint in std::iter::once(first).chain(more) {
            match hint {
                Some(run_id) => drop(runs.insert(run_id)),
                None => is_any = true,
            }
        }
        if is_any {
            self.next_poll = Instant::now() + self.store.times.poll_interval;
            return Change::Any;
        }
        Change::Runs(runs)
    }
}

/// Waits for the next hint, for ever if nothing listens any more.
async fn hint(hints: &mut Receiver<Hint>) -> Hint {
    match hints.recv().await {
        Some(hint) => hint,
        None => pending().await,
    }
}
