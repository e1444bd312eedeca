//! The context of a request: its class, and the hooks around its attempts.

use std::time::Duration;

use ecs_transport::{SendCheck, SendMark};
use tokio::time::Instant;

use crate::clock::ClockReading;
use crate::hooks::{ActionHooks, Notice};
use crate::policy::{Classification, RequestClass, RetryState};
use crate::send_state::SendState;
use crate::{Problem, RequestError, Stale, StopCause};

/// The context of one request, for all of its attempts.
pub struct RequestContext<'a> {
    pub(crate) class: RequestClass,
    pub(crate) state: RetryState,
    pub(crate) began: Instant,
    /// The number of attempts that began.
    pub(crate) attempts: u32,
    /// The number of servers that the request acts on, for traces.
    pub(crate) servers: Option<usize>,
    /// The reason why the last answer is not current.
    pub(crate) stale: Option<Stale>,
    action: Option<Action<'a>>,
}

struct Action<'a> {
    send_state: &'a SendState,
    hooks: &'a mut dyn ActionHooks,
}

/// The caller stopped the request.
pub(crate) struct Stopped;

impl<'a> RequestContext<'a> {
    fn new(class: RequestClass, state: RetryState, action: Option<Action<'a>>) -> Self {
        Self {
            class,
            state,
            began: Instant::now(),
            attempts: 0,
            servers: None,
            stale: None,
            action,
        }
    }

    /// Returns the context of a query that a caller waits for.
    pub fn read() -> Self {
        Self::new(RequestClass::Read, RetryState::default(), None)
    }

    /// Returns the context of one poll of many, with the retry state of the previous ones. It makes
    /// one attempt; the caller [polls again](StopCause::Deferred).
    pub fn poll(state: RetryState) -> Self {
        Self::new(RequestClass::Poll, state, None)
    }

    /// Returns the context of a request that must not be executed twice. `send_state` shows at any
    /// time, even after the future was dropped, whether the request may have been sent.
    pub fn action(send_state: &'a SendState, hooks: &'a mut dyn ActionHooks) -> Self {
        let action = Action { send_state, hooks };
        Self::new(RequestClass::Action, RetryState::default(), Some(action))
    }

    /// Sets the number of servers that the request acts on. Only traces show it.
    #[must_use]
    pub fn with_servers(mut self, servers: usize) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Returns the retry state of the request.
    pub fn state(&self) -> RetryState {
        self.state
    }

    /// Returns why the answer is not current, if anything shows that.
    pub fn stale(&self) -> Option<&Stale> {
        self.stale.as_ref()
    }

    pub(crate) fn is_action(&self) -> bool {
        self.action.is_some()
    }

    /// Announces the next attempt to the hooks.
    pub(crate) async fn before_send(
        &self,
        now: ClockReading,
    ) -> Result<Option<SendCheck>, RequestError> {
        let Some(action) = &self.action else {
            return Ok(None);
        };
        let attempt = self.attempts.saturating_add(1);
        let recorded = action.hooks.before_send(attempt, now).await;
        let check = recorded.map_err(withdrawn)?;
        if !action.hooks.is_stopped() {
            return Ok(check);
        }
        // It was stopped while that was recorded.
        let error = withdrawn(Problem::new("stopped while the request was recorded"));
        self.not_executed(&error, None).await;
        Err(error)
    }

    /// Notes that an attempt begins; `attempts` is its number, from 1.
    pub(crate) fn attempt_started(&mut self, mark: &SendMark, sent: ClockReading) {
        self.attempts = self.attempts.saturating_add(1);
        if let Some(action) = &mut self.action {
            if self.attempts == 1 {
                action.hooks.notify(Notice::Sending);
            }
            action.send_state.attempt_started(mark, sent);
            action.hooks.attempt_started(mark);
        }
    }

    /// Notes that the attempt failed, and whether that proves that it was not executed.
    pub(crate) fn attempt_failed(&mut self, error: &RequestError) {
        if error.classification().proves_not_executed()
            && let Some(action) = &mut self.action
        {
            action.send_state.attempt_not_executed(error.problem());
            action.hooks.attempt_not_executed();
        }
    }

    /// Reports to the hooks an attempt that was certainly not executed.
    pub(crate) async fn not_executed(&self, error: &RequestError, retry_after: Option<Duration>) {
        if let Some(action) = &self.action
            && error.classification().proves_not_executed()
        {
            action.hooks.not_executed(error, retry_after).await;
        }
    }

    /// Notifies the hooks of a retry after `pause`.
    pub(crate) fn notify_retry(&self, error: &RequestError, pause: Duration) {
        if let Some(action) = &self.action {
            let problem = error.problem().clone();
            action.hooks.notify(match error.classification() {
                Classification::Throttled => Notice::Throttled(problem, pause),
                _ => Notice::Retrying(problem, pause),
            });
        }
    }

    /// Waits for a step before sending, unless the request is stopped.
    pub(crate) async fn unless_stopped<T>(
        &self,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        match &self.action {
            Some(action) => tokio::select! {
                biased;
                () = action.hooks.stopped() => Err(Stopped),
                done = waiting => Ok(done),
            },
            None => Ok(waiting.await),
        }
    }
}

impl std::fmt::Debug for RequestContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestContext")
            .field("class", &self.class)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Returns the error of an attempt that was certainly not sent because the request was stopped.
fn withdrawn(problem: Problem) -> RequestError {
    let problem = problem.because("not sent");
    RequestError::new(Classification::NotDelivered, problem).with_stop_cause(StopCause::Withdrawn)
}
