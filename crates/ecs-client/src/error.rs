//! Errors of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use ecs_model::ValidationError;

use crate::{Classification, Problem, RequestError, chain};

/// The classes of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is invalid. Nothing was sent.
    Invalid,
    /// The credentials or their permissions were refused.
    Credentials,
    /// The service refused the request, or the object does not exist.
    Refused,
    /// The answer is not from the service: the site has moved, a proxy wants credentials, or a
    /// proxy, a web server or another program answered with a page of its own. The address is
    /// wrong, or a proxy or gateway must be changed.
    NotTheService,
    /// The service sent no readable answer.
    Unreachable,
    /// A cache answered: the answer is not current.
    Cached,
    /// The time limit was reached.
    Deadline,
    /// The caller could not record the request: nothing was sent.
    NotRecorded,
    /// The task that did the work was lost: what it sent may have been executed.
    TaskLost,
}

/// A failed request, or work that could not begin.
///
/// Displays without its causes, which are its [sources](StdError::source);
/// [`problem`](Self::problem) holds the complete text. Clones share the cause.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    problem: Problem,
    cause: Cause,
}

/// The origin of an error.
#[derive(Clone, Debug)]
enum Cause {
    Nothing,
    Request(Box<RequestError>),
    /// Another error, and a message that says what it made impossible.
    Other(&'static str, Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// Creates an error of this class.
    pub fn new(kind: ErrorKind, problem: Problem) -> Self {
        Self {
            kind,
            problem,
            cause: Cause::Nothing,
        }
    }

    /// Replaces the cause: the error displays as `message`, and the cause is its source. The
    /// [`problem`](Self::problem), which holds the complete text, is unchanged.
    #[must_use]
    pub fn caused_by(
        mut self,
        message: &'static str,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.cause = Cause::Other(message, cause.into().into());
        self
    }

    /// Creates an error of class [`ErrorKind::Invalid`] with this message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, Problem::new(message))
    }

    /// Creates an error of class [`ErrorKind::Invalid`] that displays as `message`, with its cause as
    /// its source. The [`problem`](Self::problem) is the complete text of the cause.
    pub fn invalid_because(
        message: &'static str,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let cause = cause.into();
        Self::invalid(chain(&*cause)).caused_by(message, cause)
    }

    /// Returns the class.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the service's error code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        self.problem.code.as_deref()
    }

    /// Returns the error of the request that failed, if the error comes from a request.
    pub fn request(&self) -> Option<&RequestError> {
        match &self.cause {
            Cause::Request(request) => Some(request),
            Cause::Nothing | Cause::Other(..) => None,
        }
    }

    /// Returns the complete text and the facts of the error.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let unproven = error.problem().is_unproven_answer();
        let kind = match error.classification() {
            Classification::NotForwarded => ErrorKind::NotTheService,
            Classification::Refused | Classification::RefusedCredentials if unproven => {
                ErrorKind::NotTheService
            }
            Classification::Refused => ErrorKind::Refused,
            Classification::RefusedCredentials => ErrorKind::Credentials,
            Classification::Throttled => ErrorKind::Deadline,
            _ => ErrorKind::Unreachable,
        };
        Self {
            problem: error.problem().clone(),
            cause: Cause::Request(Box::new(error)),
            kind,
        }
    }
}

/// A request that was checked before it was sent.
impl From<ValidationError> for Error {
    fn from(error: ValidationError) -> Self {
        Self::invalid_because("the request is invalid", error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Nothing => fmt::Display::fmt(&self.problem, f),
            Cause::Request(request) => fmt::Display::fmt(request, f),
            Cause::Other(message, _) => f.write_str(message),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Nothing => None,
            Cause::Request(request) => request.source(),
            Cause::Other(_, cause) => Some(cause.as_ref()),
        }
    }
}
