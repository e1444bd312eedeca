//! What all requests of a client learn from each other.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Whether the service can be reached, and whether it wants to be.
#[derive(Debug, Default)]
pub(crate) struct Contact(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Whether any answer ever came.
    reached: bool,
    /// Whether one came that did not refuse our credentials.
    welcome: bool,
    last_answer_to_an_action: Option<Instant>,
    silent_until: Option<Instant>,
}

impl Contact {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An answer came.
    pub(crate) fn answered(&self, to_an_action: bool) {
        self.with(|state| {
            state.reached = true;
            if to_an_action {
                state.last_answer_to_an_action = Some(Instant::now());
            }
        });
    }

    /// An answer came, and it was not a refusal of our credentials.
    pub(crate) fn welcomed(&self) {
        self.with(|state| state.welcome = true);
    }

    /// Whether the service has answered this client.
    pub(crate) fn is_reached(&self) -> bool {
        self.with(|state| state.reached)
    }

    /// Whether our credentials are good, as far as anybody knows. Until then one request is underway at a time: five wrong
    /// signatures in a row lock a key.
    pub(crate) fn is_welcome(&self) -> bool {
        self.with(|state| state.welcome)
    }

    /// When the last answer to an action came. Answers to reads prove nothing about actions.
    pub(crate) fn last_answer_to_an_action(&self) -> Option<Instant> {
        self.with(|state| state.last_answer_to_an_action)
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
