//! What all requests of a client learn from each other.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Whether the service can be reached, and whether it wants to be.
#[derive(Debug, Default)]
pub(crate) struct Contact(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    last_answer: Option<Instant>,
    silent_until: Option<Instant>,
}

impl Contact {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An answer came, whatever it says.
    pub(crate) fn answered(&self) {
        self.with(|state| state.last_answer = Some(Instant::now()));
    }

    /// When the last answer came.
    pub(crate) fn last_answer(&self) -> Option<Instant> {
        self.with(|state| state.last_answer)
    }

    /// The service throttled a request: nothing is sent until then.
    pub(crate) fn be_silent_until(&self, until: Instant) {
        self.with(|state| {
            state.silent_until = Some(state.silent_until.map_or(until, |other| other.max(until)));
        });
    }

    /// Until when nothing is sent, if that is not over.
    pub(crate) fn silent_until(&self) -> Option<Instant> {
        self.with(|state| state.silent_until)
            .filter(|until| *until > Instant::now())
    }
}
