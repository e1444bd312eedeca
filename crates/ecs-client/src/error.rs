//! Errors of this crate.

use std::error::Error as StdError;
use std::fmt;

use crate::{Classification, Problem, RequestError};

/// The classes of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Invalid input: nothing was sent.
    Invalid,
    /// Credentials or permissions were refused.
    Credentials,
    /// The service refused, or the object does not exist.
    Refused,
    /// What answers is not the service: the site has moved, a proxy wants credentials, or a page of
    /// a proxy, a web server or another program came in place of an answer. The address is wrong,
    /// or something on the way must be changed.
    NotTheService,
    /// The service sent no readable answer.
    Unreachable,
    /// A cache on the way answered: the answer is no evidence of how things are now.
    Cached,
    /// The time limit was reached.
    Deadline,
    /// The journal could not be written: nothing was sent.
    Journal,
}

/// A query failed, or a run could not be started.
///
/// Displays without its causes, which are its [sources](StdError::source);
/// [`problem`](Self::problem) has the complete text.
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

    /// How the request failed that this comes from, if it comes from one.
    pub fn request(&self) -> Option<&RequestError> {
        self.request.as_deref()
    }

    /// What happened.
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
