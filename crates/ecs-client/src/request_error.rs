//! The error of a failed request.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::{AuthError, AuthErrorKind, Credentials};
use ecs_model::{BodyShape, ResponseError};
use ecs_transport::{TransportError, TransportErrorKind};
use http::StatusCode;

use crate::policy::Classification;
use crate::{Endpoint, NEVER_SENT, Problem, chain};

/// The failure of a request: what its last attempt proves, and why it was not retried.
///
/// [`problem`](Self::problem) is the complete error as text, for reports. As an error it displays
/// without its causes, which are its [sources](StdError::source).
#[derive(Clone, Debug)]
pub struct RequestError {
    classification: Classification,
    problem: Problem,
    status: Option<StatusCode>,
    authentic: bool,
    html: bool,
    retry_after: Option<Duration>,
    stop_cause: StopCause,
    cause: Option<Box<Cause>>,
}

/// An underlying error.
#[derive(Clone, Debug)]
struct Cause {
    /// The problem without the text of the error's sources.
    shown: Problem,
    error: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// The problem holds the error's own text.
    Transport(Arc<TransportError>),
    Auth(AuthError),
}

/// The reason why a request is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The policy gave up.
    GaveUp,
    /// The caller stopped the request after an attempt that was certainly not executed.
    Withdrawn,
    /// The caller stopped the request before the first attempt.
    NeverSent,
    /// The request was a poll: the caller polls again after this time.
    Deferred(Duration),
}

impl RequestError {
    /// Creates an error of the caller's own, with [`StopCause::GaveUp`].
    pub fn new(classification: Classification, problem: Problem) -> Self {
        Self {
            classification,
            problem,
            status: None,
            authentic: false,
            html: false,
            retry_after: None,
            stop_cause: StopCause::GaveUp,
            cause: None,
        }
    }

    /// Creates the error of a request that was stopped before its first attempt.
    pub fn never_sent() -> Self {
        let problem = Problem::new(NEVER_SENT);
        Self::new(Classification::NotDelivered, problem).with_stop_cause(StopCause::NeverSent)
    }

    /// Creates the error of an answer that is an error. `moved_to` is the new address of the whole
    /// site, if the answer names one.
    pub(crate) fn of_answer(
        classification: Classification,
        error: &ResponseError,
        moved_to: Option<&Endpoint>,
    ) -> Self {
        Self {
            status: Some(error.status()),
            authentic: error.origin().is_proven(),
            html: matches!(error.shape(), BodyShape::Html(_)),
            ..Self::new(classification, Problem::of_answer(error, moved_to))
        }
    }

    /// Creates the error of an attempt without a complete answer.
    pub(crate) fn of_transport(classification: Classification, error: TransportError) -> Self {
        let shown = Problem::of_transport(error.to_string(), &error);
        let problem = Problem::of_transport(chain(&error), &error);
        let error = Source::Transport(Arc::new(error));
        Self::new(classification, problem).with_cause(shown, error)
    }

    /// Creates the error of a request without credentials, because of this error of their source.
    pub(crate) fn of_credentials(error: &AuthError) -> Self {
        let shown = Problem::new("no credentials");
        let problem = Problem::new(format!("{shown}: {}", chain(error)));
        let problem = problem.with_transport(transport_kind(error));
        let authentic = is_clear(error);
        Self {
            authentic,
            ..Self::new(classify_auth(error), problem)
                .with_cause(shown, Source::Auth(error.clone()))
        }
    }

    /// Creates the error of a request whose source of credentials has none.
    pub(crate) fn without_credentials() -> Self {
        let problem = Problem::new("no credentials: the source has none");
        Self::new(Classification::RefusedCredentials, problem)
    }

    /// Adds that the source failed to provide other credentials after these were refused.
    pub(crate) fn and_no_others(&self, error: &AuthError) -> Self {
        let shown = self.problem.clone().and("other credentials");
        let more = format!("other credentials: {}", chain(error));
        let problem = self.problem.clone().and(&more);
        Self {
            classification: classify_auth(error),
            problem,
            ..self.clone()
        }
        .with_cause(shown, Source::Auth(error.clone()))
    }

    fn with_cause(mut self, shown: Problem, error: Source) -> Self {
        self.cause = Some(Box::new(Cause { shown, error }));
        self
    }
}

/// Classifies the failure of a source of credentials: nothing was sent.
fn classify_auth(error: &AuthError) -> Classification {
    match error.kind() {
        // The source may recover soon.
        AuthErrorKind::Unavailable => Classification::NotDelivered,
        _ => Classification::RefusedCredentials,
    }
}

/// Returns the kind of the transport error, if the exchange with the source failed.
fn transport_kind(error: &AuthError) -> Option<TransportErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// Returns whether the source itself refuses, and not an intermediary.
fn is_clear(error: &AuthError) -> bool {
    let refusal = error.refusal();
    let says_something =
        refusal.is_none_or(|refusal| refusal.code.is_some() || refusal.message.is_some());
    !error.is_temporary() && says_something
}

impl RequestError {
    /// Returns what the last attempt proves.
    pub fn classification(&self) -> Classification {
        self.classification
    }

    /// Returns the complete error as text, for reports.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Converts the error to its complete text, for reports.
    pub fn into_problem(self) -> Problem {
        self.problem
    }

    /// Returns the status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns whether the answer has a form of the service's own, and is not a page of an
    /// intermediary.
    pub fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// Returns whether the answer is most likely a page of an intermediary: it has no form of the service's own, and
    /// its status is none that the service could use in an undocumented form about credentials or about what it does
    /// not know.
    pub fn is_of_intermediary(&self) -> bool {
        match self.status {
            None | Some(StatusCode::UNAUTHORIZED) => false,
            Some(StatusCode::NOT_FOUND) => self.html && !self.authentic,
            Some(_) => !self.authentic,
        }
    }

    /// Returns the pause that the service requested, by the local clock.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns why the request was not sent again.
    pub fn stop_cause(&self) -> StopCause {
        self.stop_cause
    }
}

impl RequestError {
    /// Returns the same error with another stop cause.
    #[must_use]
    pub fn with_stop_cause(mut self, stop_cause: StopCause) -> Self {
        self.stop_cause = stop_cause;
        self
    }

    pub(crate) fn with_classification(mut self, classification: Classification) -> Self {
        self.classification = classification;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    pub(crate) fn map_problem(self, change: impl Fn(Problem) -> Problem) -> Self {
        let cause = self.cause.map(|cause| {
            Box::new(Cause {
                shown: change(cause.shown),
                error: cause.error,
            })
        });
        Self {
            problem: change(self.problem),
            cause,
            ..self
        }
    }

    /// Masks secrets that the service repeats, as it does with a request whose signature it
    /// refuses.
    pub(crate) fn masked(self, credentials: &Credentials) -> Self {
        self.map_problem(|problem| problem.map_text(|text| credentials.mask(text).into_owned()))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.cause.as_ref().map(|cause| &cause.shown);
        fmt::Display::fmt(shown.unwrap_or(&self.problem), f)
    }
}

impl StdError for RequestError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause.as_ref()?.error {
            Source::Transport(error) => error.source(),
            Source::Auth(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
