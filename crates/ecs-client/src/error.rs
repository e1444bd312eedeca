//! Errors of this crate.

use std::error::Error as StdError;
use std::fmt;

use crate::{Classification, Problem, RequestError};

/// The classes of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for cannot be asked for: nothing was sent.
    Invalid,
    /// The credentials, or what they permit.
    Credentials,
    /// The service refused, or what was asked for does not exist.
    Refused,
    /// No readable answer could be had.
    Unreachable,
    /// The time ran out.
    Deadline,
    /// What must be recorded before anything is sent could not be recorded: nothing was sent.
    Journal,
}

/// Something could not be done: a read, or the preparation of something that sends.
///
/// It displays without its causes, which are its [sources](StdError::source); [`problem`](Self::problem) is the whole of
/// it as text.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    problem: Problem,
    request: Option<Box<RequestError>>,
}

impl Error {
    /// An error of this class.
    pub fn new(kind: ErrorKind, problem: Problem) -> Self {
        Self {
            kind,
            problem,
            request: None,
        }
    }

    /// An error of class [`ErrorKind::Invalid`] with this message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, Problem::new(message))
    }

    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The service's error code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        self.problem.code.as_deref()
    }

    /// What happened.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let kind = match error.classification() {
            Classification::Refused => ErrorKind::Refused,
            Classification::RefusedCredentials => ErrorKind::Credentials,
            Classification::Throttled => ErrorKind::Deadline,
            _ => ErrorKind::Unreachable,
        };
        Self {
            problem: error.problem().clone(),
            request: Some(Box::new(error)),
            kind,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request {
            Some(request) => fmt::Display::fmt(request, f),
            None => fmt::Display::fmt(&self.problem, f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.request.as_ref().and_then(|request| request.source())
    }
}
