//! Errors of this crate.

use std::error::Error as StdError;
use std::fmt;

use crate::report::Problem;

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
    /// The journal could not be written: nothing was sent.
    Journal,
}

/// Something could not be done. Only reads and the start of a run fail: a run itself ends in a
/// [`Report`](crate::Report), whatever happens.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    problem: Problem,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, problem: Problem) -> Self {
        Self { kind, problem }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)
    }
}

impl StdError for Error {}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let words = error.to_string();
        if !line.ends_with(&words) {
            line.push_str(": ");
            line.push_str(&words);
        }
        source = error.source();
    }
    line
}
