//! Errors for people: what happened, to what, and what to do next.

use std::error::Error as StdError;

use ecs_ops::transport::TransportErrorKind;
use ecs_ops::{Error, ErrorKind, Problem};

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
        let fail = Self::new(
            exit::of_error(error.kind()),
            format!("{what}: {}", error.problem()),
        );
        match hint_for(error.problem(), error.kind() == ErrorKind::Credentials) {
            Some(hint) => fail.hint(hint),
            None => fail,
        }
    }
}

/// Who finds out what is wrong with credentials.
pub(crate) const CHECK: &str = "ecsctl auth check, with the same options and environment, says where the credentials come from and \
     what is wrong with them";

/// What to do about a problem that the service or the way to it has.
pub(crate) fn hint_for(problem: &Problem, credentials: bool) -> Option<&'static str> {
    if credentials {
        return Some(
            "the credentials must be valid, and for this project and region: ecsctl auth check, with the same options \
             (--token, --project-id, …) and environment, says what is wrong",
        );
    }
    match problem.status() {
        // In the service's place, which has no such answer.
        Some(407) => transport_hint(TransportErrorKind::Proxy),
        _ => transport_hint(problem.transport()?),
    }
}

/// What to do about the way to a service.
pub(crate) fn transport_hint(kind: TransportErrorKind) -> Option<&'static str> {
    match kind {
        TransportErrorKind::Tls => Some(
            "if the service's certificate comes from a CA of your own, name it with --ca-file; \
             otherwise check the host in --endpoint",
        ),
        TransportErrorKind::Connect | TransportErrorKind::Dns => {
            Some("check --endpoint (or --region), and that this machine can reach it")
        }
        TransportErrorKind::Proxy => Some(
            "the proxy comes from the environment: check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name \
             the host in NO_PROXY",
        ),
        _ => None,
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
