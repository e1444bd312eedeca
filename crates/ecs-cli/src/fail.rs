//! Errors for people: what happened, to what, and what to do next.

use std::error::Error as StdError;

use ecs_ops::transport::TransportErrorKind;
use ecs_ops::{Error, ErrorKind};

use crate::exit::{self, Exit};

/// Why a command ended without its result, and what the process ends with.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) exit: Exit,
    /// A lowercase fragment.
    pub(crate) message: String,
    /// Further lines: one for each thing that is wrong.
    pub(crate) details: Vec<String>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Fail {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            hint: None,
        }
    }

    /// Bad usage or input: nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `what` could not be done.
    pub(crate) fn of_error(what: &str, error: &Error) -> Self {
        let fail = Self::new(exit::of_error(error.kind()), format!("{what}: {error}"));
        match hint_for(&error.to_string(), error.kind() == ErrorKind::Credentials) {
            Some(hint) => fail.hint(hint),
            None => fail,
        }
    }
}

/// What to do about a problem that the service or the way to it has.
pub(crate) fn hint_for(problem: &str, credentials: bool) -> Option<&'static str> {
    let is = |kind: TransportErrorKind| problem.contains(kind.as_str());
    if credentials {
        Some("check --token and --project-id: the token must be valid and issued for this project")
    } else if is(TransportErrorKind::Tls) {
        Some(
            "if the service's certificate comes from a CA of your own, name it with --ca-file; \
             otherwise check the host in --endpoint",
        )
    } else if is(TransportErrorKind::Connect) || is(TransportErrorKind::Dns) {
        Some("check --endpoint, and that this machine can reach it")
    } else {
        None
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let words = error.to_string();
        if !line.contains(&words) {
            line.push_str(": ");
            line.push_str(&words);
        }
        source = error.source();
    }
    line
}
