//! The state that the requests of a client share about the service.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The health of the service as all requests of a client see it: whether it is reachable, and
/// whether it throttles.
#[derive(Debug, Default)]
pub struct ServiceHealth(Mutex<Observed>);

#[derive(Clone, Copy, Debug, Default)]
struct Observed {
    /// `true` if any answer came.
    reached: bool,
    /// `true` if an answer came that did not refuse the credentials.
    credentials_accepted: bool,
    last_answer_to_action: Option<Instant>,
    throttled_until: Option<Instant>,
    /// The time at which the service last answered as itself.
    identified: Option<Instant>,
}

impl ServiceHealth {
    fn with<T>(&self, change: impl FnOnce(&mut Observed) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that an answer arrived.
    pub(crate) fn answered(&self, to_action: bool) {
        self.with(|state| {
            state.reached = true;
            if to_action {
                state.last_answer_to_action = Some(Instant::now());
            }
        });
    }

    /// Notes an answer that did not refuse the credentials.
    pub(crate) fn accept_credentials(&self) {
        self.with(|state| state.credentials_accepted = true);
    }

    /// Returns whether the service has answered this client.
    pub fn is_reachable(&self) -> bool {
        self.with(|state| state.reached)
    }

    /// Notes a current answer that only the service can have made.
    pub(crate) fn identified(&self) {
        self.with(|state| state.identified = Some(Instant::now()));
    }

    /// Returns when the service last answered as itself.
    pub(crate) fn last_identified(&self) -> Option<Instant> {
        self.with(|state| state.identified)
    }

    /// Returns whether the credentials are known to be valid. Until then one request is in flight
    /// at a time: five wrong signatures in a row lock a key.
    pub fn credentials_accepted(&self) -> bool {
        self.with(|state| state.credentials_accepted)
    }

    /// Returns when the last answer to an action came. Answers to reads prove nothing about
    /// actions.
    pub(crate) fn last_answer_to_action(&self) -> Option<Instant> {
        self.with(|state| state.last_answer_to_action)
    }

    /// Notes that the service throttles: nothing is sent until `until`.
    pub(crate) fn throttle_until(&self, until: Instant) {
        self.with(|state| {
            state.throttled_until = Some(
                state
                    .throttled_until
                    .map_or(until, |other| other.max(until)),
            );
        });
    }

    /// Returns the time until which nothing is sent; `None` if the service does not throttle.
    pub fn throttled_until(&self) -> Option<Instant> {
        self.with(|state| state.throttled_until)
            .filter(|until| *until > Instant::now())
    }
}
