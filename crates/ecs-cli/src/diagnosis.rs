//! The diagnosis of problems with credentials and connections, from observed facts. No I/O.

mod refusal;

use std::time::Duration;

use ecs_ops::Endpoint;
use ecs_ops::auth::{CredentialKind, Difference, Echo};
use ecs_ops::transport::TransportErrorKind;
use jiff::Timestamp;

use crate::credentials::GIVE_SOME;
use crate::exit::Exit;
use crate::remedy::{self, Settings};
use crate::render::duration::in_one_unit_in_full;

/// The service that was queried last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Service,
    Iam,
}

impl Asked {
    /// Returns the setting that has its address.
    fn endpoint(self) -> &'static str {
        match self {
            Self::Service => "the endpoint",
            Self::Iam => "the address of IAM (--iam-endpoint, OS_AUTH_URL)",
        }
    }
}

/// The observed facts.
#[derive(Clone, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) kind: CredentialKind,
    /// `true` if the permissions of an agency are used.
    pub(crate) agency: bool,
    pub(crate) access_key: Option<&'a str>,
    pub(crate) endpoint: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    /// The time of this machine.
    pub(crate) our_time: Timestamp,
    /// The time of the service.
    pub(crate) their_time: Option<Timestamp>,
    /// The variables that set a proxy.
    pub(crate) proxies: &'a [&'static str],
    pub(crate) asked: Asked,
    /// The answer, if nothing proves that it is from the service.
    pub(crate) unproven: Option<UnprovenAnswer<'a>>,
    pub(crate) end: End<'a>,
}

/// An answer that is not proven to be from the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnprovenAnswer<'a> {
    /// The description of the answer, as a run has it.
    pub(crate) described: &'a str,
    /// The address to which the whole site redirects, if it does.
    pub(crate) moved_to: Option<&'a Endpoint>,
}

/// The end of the check.
#[derive(Clone, Debug)]
pub(crate) enum End<'a> {
    /// The service answered the request.
    Answered,
    /// The service or IAM answered with an error.
    Refused {
        status: u16,
        code: Option<&'a str>,
        message: Option<&'a str>,
        echo: Option<&'a Echo>,
    },
    /// The transport failed.
    Failed(TransportErrorKind, &'a str),
    /// No source has credentials.
    Missing,
    /// The given credentials are malformed or cannot be used.
    Malformed(&'a str),
    /// A source of credentials is unavailable.
    Unavailable(&'a str),
    /// A source of credentials refused to provide them.
    Denied(&'a str),
}

/// The problem and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// A stable name for programs.
    pub(crate) finding: &'static str,
    pub(crate) exit: Exit,
    /// The problem.
    pub(crate) message: String,
    /// The steps of the remedy.
    pub(crate) advice: Vec<String>,
    /// Both clocks, if they are the problem.
    pub(crate) clocks: Option<Clocks>,
    /// The missing permission.
    pub(crate) permission: Option<String>,
    /// The part of the request that the service received changed.
    pub(crate) difference: Option<Difference>,
}

/// The times of both clocks at about the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) ours: Timestamp,
    pub(crate) service: Timestamp,
}

impl Clocks {
    /// Returns how far the clocks are apart.
    pub(crate) fn apart(self) -> Duration {
        self.ours.duration_since(self.service).unsigned_abs()
    }

    /// Describes the difference, such as `this machine's clock is 20 minutes ahead of the service's`.
    pub(crate) fn describe(self) -> String {
        let direction = if self.ours > self.service {
            "ahead of"
        } else {
            "behind"
        };
        let apart = in_one_unit_in_full(self.apart().as_secs());
        format!("this machine's clock is {apart} {direction} the service's")
    }
}

/// The difference of clocks that is reported even if everything works.
const NOTABLE: Duration = Duration::from_secs(60);

impl Evidence<'_> {
    /// Returns both clocks, if the answer has the time of the service.
    pub(crate) fn clocks(&self) -> Option<Clocks> {
        Some(Clocks {
            ours: self.our_time,
            service: self.their_time?,
        })
    }

    /// Returns the variables that set a proxy, for people.
    fn proxies(&self) -> String {
        match self.proxies {
            [] => Settings::ANY.proxies.to_owned(),
            proxies => proxies.join(", "),
        }
    }

    /// Returns the warning about a clock, although the credentials work.
    pub(crate) fn warning(&self) -> Option<String> {
        let clocks = self.clocks()?;
        let signs = !matches!(self.kind, CredentialKind::Token | CredentialKind::Password);
        (clocks.apart() > NOTABLE && signs).then(|| {
            format!(
                "{}: signatures are refused from 15 minutes on",
                clocks.describe()
            )
        })
    }
}

fn found(finding: &'static str, exit: Exit, message: impl Into<String>) -> Diagnosis {
    Diagnosis {
        finding,
        exit,
        message: message.into(),
        advice: Vec::new(),
        clocks: None,
        permission: None,
        difference: None,
    }
}

fn refused(finding: &'static str, message: impl Into<String>) -> Diagnosis {
    found(finding, Exit::Credentials, message)
}

impl Diagnosis {
    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }
}

/// Diagnoses the observed facts.
pub(crate) fn diagnose(evidence: &Evidence<'_>) -> Diagnosis {
    match &evidence.end {
        End::Answered => found(
            "ok",
            Exit::Success,
            "the credentials work. Permission to restart servers (ecs:cloudServers:reboot) cannot be tested without restarting one",
        ),
        End::Missing => {
            found("no_credentials", Exit::Usage, "no source has credentials").advise(GIVE_SOME)
        }
        End::Malformed(cause) => found("malformed", Exit::Usage, *cause),
        End::Denied(cause) => refused("refused", *cause),
        End::Unavailable(cause) => found("no_answer", Exit::Failed, *cause),
        End::Failed(kind, cause) => connection_problem(evidence, *kind, cause),
        End::Refused {
            status,
            code,
            message,
            echo,
        } => refusal::explain(evidence, *status, *code, message.unwrap_or_default(), *echo),
    }
}

fn connection_problem(evidence: &Evidence<'_>, kind: TransportErrorKind, cause: &str) -> Diagnosis {
    let message = match evidence.asked {
        Asked::Service => format!("the service was not reached: {cause}"),
        // The message names the service: IAM or the metadata service.
        Asked::Iam => cause.to_owned(),
    };
    let finding = match kind {
        TransportErrorKind::Dns => "dns",
        TransportErrorKind::Connect => "connect",
        TransportErrorKind::Timeout => "timeout",
        TransportErrorKind::Proxy | TransportErrorKind::ProxyRefused { .. } => "proxy",
        TransportErrorKind::ClientCertificateRequired => "client_certificate",
        TransportErrorKind::UnknownIssuer
        | TransportErrorKind::Certificate
        | TransportErrorKind::TlsUnsupported
        | TransportErrorKind::Tls => "tls",
        _ => "no_answer",
    };
    let mut diagnosis = found(finding, Exit::Failed, message);
    diagnosis.advice = remedy::of_connection(
        kind,
        Settings {
            endpoint: evidence.asked.endpoint(),
            proxies: &evidence.proxies(),
        },
    );
    match kind {
        TransportErrorKind::Dns | TransportErrorKind::Connect | TransportErrorKind::Tls => {}
        TransportErrorKind::Timeout => {
            diagnosis = diagnosis.advise(
                "packets are dropped without an answer, mostly by a firewall: check its rules",
            );
        }
        _ if diagnosis.advice.is_empty() => {
            return diagnosis.advise(
                "try again; if it fails again, check proxies and gateways between this machine and the service",
            );
        }
        _ => return diagnosis,
    }
    match evidence.proxies {
        [] => diagnosis.advise(
            "if this machine reaches the internet through a proxy only, set HTTPS_PROXY=http://PROXY:PORT",
        ),
        _ => diagnosis.advise(format!(
            "a proxy is set ({}): if the host must be reached without it, name the host in NO_PROXY",
            evidence.proxies()
        )),
    }
}

#[cfg(test)]
mod tests;
