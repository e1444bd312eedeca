//! Errors for people: what happened, to what, and what to do next.

pub(crate) use ecs_ops::chain;
use ecs_ops::transport::TransportErrorKind;
use ecs_ops::{Error, ErrorKind, Problem};

use crate::exit::{self, Exit};
use crate::next_step::NextStep;

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
        return Some(format!(
            "if you trust that address, use it: --endpoint {endpoint}"
        ));
    }
    // The codes above are errors of a gateway about an unavailable service.
    let is_page =
        problem.is_unproven_answer() && problem.status().is_some_and(|status| status < 500);
    (is_page && problem.status() != Some(407)).then(|| {
        "check --endpoint (or --region), and what is between this machine and the service: a proxy, a gateway, a login page"
            .to_owned()
    })
}

/// Returns the hint for a problem of the service or the connection to it.
pub(crate) fn hint_for(problem: &Problem, credentials: bool) -> Option<&'static str> {
    if credentials {
        return Some("the credentials must be valid, and for this project and region");
    }
    match problem.status() {
        // The answer of a forward proxy; the service has no such status.
        Some(407) => Some(PROXY_CREDENTIALS),
        _ => transport_hint(problem.transport()?),
    }
}

/// The hint for a proxy that answers 407.
pub(crate) const PROXY_CREDENTIALS: &str = "put a user and password into the proxy's URL (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY): \
     http://USER:PASSWORD@HOST:PORT, where @ within them is written %40 and : is written %3A; \
     or name the host in NO_PROXY if it can be reached directly";

/// Returns the hint for a failed connection.
pub(crate) fn transport_hint(kind: TransportErrorKind) -> Option<&'static str> {
    match kind {
        TransportErrorKind::UnknownIssuer => Some(
            "if the certificate comes from a private CA, or from a proxy that inspects TLS, name the CA certificate with --ca-file; \
             otherwise check the host in --endpoint",
        ),
        TransportErrorKind::Certificate => Some(
            "check the host in --endpoint and this machine's clock; otherwise the owner of the endpoint must renew or correct \
             its certificate",
        ),
        TransportErrorKind::ClientCertificateRequired => Some(
            "name a client certificate (`cert` and `key` of the cloud in clouds.yaml), or use an endpoint that accepts tokens or access keys only",
        ),
        TransportErrorKind::TlsUnsupported => Some(
            "check scheme, host and port in --endpoint, and the TLS versions that the endpoint allows",
        ),
        TransportErrorKind::Tls => Some(
            "the connection ended in the TLS handshake: check host and port in --endpoint, and firewalls on the way",
        ),
        TransportErrorKind::Connect | TransportErrorKind::Dns => {
            Some("check --endpoint (or --region), and that this machine can reach it")
        }
        TransportErrorKind::Protocol => Some(
            "check scheme and port in --endpoint: a port for TLS needs https://, and not every port speaks HTTP",
        ),
        TransportErrorKind::ProxyRefused { status: 407 } => Some(PROXY_CREDENTIALS),
        TransportErrorKind::ProxyRefused { status: 500.. } => Some(
            "the proxy cannot reach the endpoint: check host and port in --endpoint, or ask the proxy's operator",
        ),
        TransportErrorKind::ProxyRefused { .. } => Some(
            "ask the proxy's operator to allow CONNECT to this host and port, or name the host in NO_PROXY if it can be \
             reached directly",
        ),
        TransportErrorKind::Proxy => Some(
            "the proxy comes from the environment: check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name \
             the host in NO_PROXY",
        ),
        _ => None,
    }
}
