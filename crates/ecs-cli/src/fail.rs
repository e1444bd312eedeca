//! Errors for people: what happened, to what, and what to do next.

pub(crate) use ecs_ops::chain;
use ecs_ops::transport::TransportErrorKind;
use ecs_ops::{Error, ErrorKind, Problem};

use crate::exit::{self, Exit};
use crate::next_step::NextStep;
use crate::remedy::{self, Settings};

/// The error of a command, with its exit code.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    /// A lowercase fragment.
    pub(crate) message: String,
    /// Further lines, one for each problem.
    pub(crate) details: Vec<String>,
    /// The hint.
    pub(crate) hint: Option<String>,
    /// The next steps, as commands.
    pub(crate) next: Vec<NextStep>,
}

impl CliError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            next: Vec::new(),
        }
    }

    /// Returns an error of bad usage or input: nothing was sent.
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

    pub(crate) fn next(mut self, step: NextStep) -> Self {
        self.next.push(step);
        self
    }

    /// Returns the error with this message before its reason.
    pub(crate) fn of_error(message: &str, error: &Error) -> Self {
        Self::with_hint(error, format!("{message}: {}", error.problem()))
    }

    /// Returns the error with this message.
    pub(crate) fn with_hint(error: &Error, message: String) -> Self {
        let fail = Self::new(exit::of_error(error.kind()), message);
        let is_refused = error.kind() == ErrorKind::Credentials;
        if let Some(hint) = place_hint(error.problem()) {
            let is_elsewhere = error.problem().moved_to().is_some();
            let fail = fail.hint(hint);
            return if is_elsewhere {
                fail
            } else {
                fail.next(NextStep::check_access("to see what answers there"))
            };
        }
        match hint_for(error.problem(), is_refused) {
            Some(hint) if is_refused => fail.hint(hint).next(check_credentials()),
            Some(hint) => fail.hint(hint),
            None => fail,
        }
    }
}

/// Returns the command that diagnoses credentials.
pub(crate) fn check_credentials() -> NextStep {
    NextStep::check_access("to see where the credentials come from and what is wrong with them")
}

/// Returns the hint for an answer that is not from the service.
pub(crate) fn place_hint(problem: &Problem) -> Option<String> {
    if let Some(endpoint) = problem.moved_to() {
        return Some(remedy::moved(endpoint));
    }
    // The codes above are errors of a gateway about an unavailable service.
    let is_page =
        problem.is_unproven_answer() && problem.status().is_some_and(|status| status < 500);
    (is_page && problem.status() != Some(407)).then(|| line(&remedy::of_page(Settings::ANY)))
}

/// Returns the hint for a problem of the service or the connection to it.
pub(crate) fn hint_for(problem: &Problem, credentials: bool) -> Option<String> {
    if credentials {
        return Some("the credentials must be valid, and for this project and region".to_owned());
    }
    match problem.status() {
        // The answer of a forward proxy; the service has no such status.
        Some(407) => Some(remedy::proxy_credentials(Settings::ANY.proxies)),
        _ => transport_hint(problem.transport()?),
    }
}

/// Returns the hint for a failed connection.
pub(crate) fn transport_hint(kind: TransportErrorKind) -> Option<String> {
    let steps = remedy::of_connection(kind, Settings::ANY);
    (!steps.is_empty()).then(|| line(&steps))
}

/// Joins the steps of a remedy to one hint.
fn line(steps: &[String]) -> String {
    steps.join("; ")
}
