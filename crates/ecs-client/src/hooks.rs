//! Hooks of a caller around the attempts of an action.

use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_transport::{SendCheck, SendMark};

use crate::clock::ClockReading;
use crate::{Problem, RequestError};

/// Hooks around the attempts of an action: recording, a quota, notifications and stopping.
///
/// For each attempt the retry loop calls, in this order:
///
/// 1. [`before_send`](Self::before_send), when there are credentials and it is the request's turn:
///    nothing is sent before it has returned `Ok`. What it records is recorded before the first
///    byte can leave.
/// 2. [`notify`](Self::notify) with [`Notice::Sending`], for the first attempt only.
/// 3. [`attempt_started`](Self::attempt_started), right before the transport gets the request.
/// 4. If it is certain that the attempt was not executed:
///    [`attempt_not_executed`](Self::attempt_not_executed), at once, then
///    [`not_executed`](Self::not_executed).
/// 5. If it is sent again after a pause: [`notify`](Self::notify) with [`Notice::Throttled`] or
///    [`Notice::Retrying`], after 4 has returned and before the pause.
///
/// After an attempt that may have been executed no further hook is called. If
/// [`is_stopped`](Self::is_stopped) returns `true` after `before_send`, the attempt is not sent,
/// and `not_executed` is called for it.
pub trait ActionHooks: Send + Sync {
    /// Called before the attempt of this number, from 1, is sent. With an error it is not sent, and
    /// the request ends as [withdrawn](crate::StopCause::Withdrawn). The returned check runs just
    /// before the first byte: if it fails, the attempt was certainly not sent, and is made again.
    fn before_send(
        &self,
        attempt: u32,
        now: ClockReading,
    ) -> BoxFuture<'_, Result<Option<SendCheck>, Problem>>;

    /// Called when the attempt begins. The service may count it as soon as `mark` says that
    /// something may have been sent.
    fn attempt_started(&mut self, mark: &SendMark);

    /// Called when it is certain that the service has neither executed nor counted the attempt that
    /// was started last.
    fn attempt_not_executed(&mut self);

    /// Called after `attempt_not_executed`, to record why, and the pause before the next attempt,
    /// if there is one.
    fn not_executed<'a>(
        &'a self,
        error: &'a RequestError,
        retry_after: Option<Duration>,
    ) -> BoxFuture<'a, ()>;

    /// Called with something worth displaying.
    fn notify(&self, notice: Notice);

    /// Returns whether no further attempt may be sent.
    fn is_stopped(&self) -> bool;

    /// Waits until [`is_stopped`](Self::is_stopped). It interrupts each wait before an attempt, but
    /// no attempt.
    fn stopped(&self) -> BoxFuture<'_, ()>;
}

/// A notification of the retry loop.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The first attempt begins.
    Sending,
    /// The service throttled the request; it is sent again after this time.
    Throttled(Problem, Duration),
    /// The attempt was not executed: the request is sent again after this time.
    Retrying(Problem, Duration),
}
