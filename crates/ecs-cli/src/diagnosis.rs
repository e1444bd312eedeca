//! What is wrong with credentials, or on the way to the service: from what was seen to an explanation. No I/O.

mod refusal;

use std::time::Duration;

use ecs_ops::Endpoint;
use ecs_ops::auth::{CredentialKind, Difference, Echo};
use ecs_ops::transport::TransportErrorKind;
use jiff::Timestamp;

use crate::credentials::GIVE_SOME;
use crate::exit::Exit;
use crate::fail::PROXY_CREDENTIALS;
use crate::render::duration::in_one_unit_in_full;

/// Who was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Service,
    Iam,
}

impl Asked {
    /// What says where they are.
    fn endpoint(self) -> &'static str {
        match self {
            Self::Service => "the endpoint",
            Self::Iam => "the address of IAM (--iam-endpoint, OS_AUTH_URL)",
        }
    }
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) kind: CredentialKind,
    /// Whether the rights of an agency are used.
    pub(crate) agency: bool,
    pub(crate) access_key: Option<&'a str>,
    pub(crate) endpoint: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    /// What our clock showed.
    pub(crate) our_time: Timestamp,
    /// What theirs showed.
    pub(crate) their_time: Option<Timestamp>,
    /// The variables that set a proxy.
    pub(crate) proxies: &'a [&'static str],
    pub(crate) asked: Asked,
    /// What answered in the service's place, if nothing shows that it is the service.
    pub(crate) stranger: Option<Stranger<'a>>,
    pub(crate) end: End<'a>,
}

/// An answer that the service has not made, as far as can be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stranger<'a> {
    /// The answer, in the same words as a run that gets it.
    pub(crate) described: &'a str,
    /// Where the whole site has moved to, if it says that.
    pub(crate) moved_to: Option<&'a Endpoint>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) enum End<'a> {
    /// As it should.
    Answered,
    /// An answer that is an error.
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
    /// What was given cannot be credentials, or not be used.
    Malformed(&'a str),
    /// Whoever has credentials did not give any, for reasons of their own.
    Unavailable(&'a str),
    /// Whoever has credentials will not give any.
    Denied(&'a str),
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// For programs.
    pub(crate) finding: &'static str,
    pub(crate) exit: Exit,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do, step by step.
    pub(crate) advice: Vec<String>,
    /// Both clocks, where they are the matter.
    pub(crate) clocks: Option<Clocks>,
    /// The permission that is missing.
    pub(crate) permission: Option<String>,
    /// Where the service read the request otherwise than it was signed.
    pub(crate) difference: Option<Difference>,
}

/// Two clocks at about the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) ours: Timestamp,
    pub(crate) service: Timestamp,
}

impl Clocks {
    /// How much ours is ahead, or the other way round.
    pub(crate) fn apart(self) -> Duration {
        self.ours.duration_since(self.service).unsigned_abs()
    }

    /// `ours is 20 minutes ahead`.
    pub(crate) fn in_words(self) -> String {
        let direction = match self.ours > self.service {
            true => "ahead of",
            false => "behind",
        };
        let apart = in_one_unit_in_full(self.apart().as_secs());
        format!("this machine's clock is {apart} {direction} the service's")
    }
}

/// Where clocks are so far apart, it is said even if nothing else is wrong.
const NOTABLE: Duration = Duration::from_secs(60);

impl Evidence<'_> {
    /// Both clocks, where the service showed its own.
    pub(crate) fn clocks(&self) -> Option<Clocks> {
        Some(Clocks {
            ours: self.our_time,
            service: self.their_time?,
        })
    }

    /// What should be put right, although it works.
    pub(crate) fn warning(&self) -> Option<String> {
        let clocks = self.clocks()?;
        let signs = !matches!(self.kind, CredentialKind::Token | CredentialKind::Password);
        (clocks.apart() > NOTABLE && signs).then(|| {
            format!(
                "{}: signatures are refused from 15 minutes on",
                clocks.in_words()
            )
        })
    }
}

fn found(finding: &'static str, exit: Exit, what: impl Into<String>) -> Diagnosis {
    Diagnosis {
        finding,
        exit,
        what: what.into(),
        advice: Vec::new(),
        clocks: None,
        permission: None,
        difference: None,
    }
}

fn refused(finding: &'static str, what: impl Into<String>) -> Diagnosis {
    found(finding, Exit::Credentials, what)
}

impl Diagnosis {
    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }
}

/// Explains what was seen.
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
        End::Failed(kind, cause) => of_the_way(evidence, *kind, cause),
        End::Refused {
            status,
            code,
            message,
            echo,
        } => refusal::explain(evidence, *status, *code, message.unwrap_or_default(), *echo),
    }
}

/// What a proxy refused.
fn of_the_proxy(evidence: &Evidence<'_>, what: String) -> Diagnosis {
    let proxies = evidence.proxies.join(", ");
    found("proxy", Exit::Failed, what)
        .advise(format!(
            "check the proxy that the environment sets ({proxies}): its address, and user and password in it"
        ))
        .advise("if the host must be reached without it, name the host in NO_PROXY")
}

fn of_the_way(evidence: &Evidence<'_>, kind: TransportErrorKind, cause: &str) -> Diagnosis {
    let what = match evidence.asked {
        Asked::Service => format!("the service was not reached: {cause}"),
        // The words name who was asked: IAM, or the metadata service.
        Asked::Iam => cause.to_owned(),
    };
    let endpoint = evidence.asked.endpoint();
    let proxies = evidence.proxies.join(", ");
    let found = |finding| found(finding, Exit::Failed, what.clone());
    let through = |diagnosis: Diagnosis| {
        match evidence.proxies {
        [] => diagnosis.advise(
            "if this machine reaches the internet through a proxy only, set HTTPS_PROXY=http://PROXY:PORT",
        ),
        _ => diagnosis.advise(format!(
            "a proxy is set ({proxies}): if the host must be reached without it, name the host in NO_PROXY"
        )),
    }
    };
    match kind {
        TransportErrorKind::Dns => through(found("dns").advise(format!(
            "check the region and {endpoint}: no machine has that name here"
        ))),
        TransportErrorKind::Connect => through(found("connect").advise(format!(
            "check {endpoint}, and the rules of firewalls"
        ))),
        TransportErrorKind::Proxy => of_the_proxy(evidence, what),
        TransportErrorKind::ProxyRefused { status: 407 } => {
            of_the_proxy(evidence, what).advise(PROXY_CREDENTIALS)
        }
        TransportErrorKind::ProxyRefused { .. } => of_the_proxy(evidence, what).advise(
            "if it is the proxy's policy, its operator must allow CONNECT to this host and port",
        ),
        TransportErrorKind::UnknownIssuer => found("tls")
            .advise(
                "if the certificate comes from a CA of your own, or of a proxy that opens TLS, name the CA's \
                 certificate with --ca-file or SSL_CERT_FILE",
            )
            .advise(format!("otherwise check the host in {endpoint}")),
        TransportErrorKind::Certificate => found("tls")
            .advise(format!(
                "check the host in {endpoint}, and this machine's clock: certificates are valid for a time"
            ))
            .advise("otherwise its owner must renew or correct the certificate; a CA file does not help"),
        TransportErrorKind::ClientCertificateRequired => found("client_certificate").advise(format!(
            "ecsctl has no client certificates: {endpoint} must be one that accepts tokens or access keys only"
        )),
        TransportErrorKind::TlsUnsupported => found("tls").advise(format!(
            "check scheme, host and port in {endpoint}, and the TLS versions that are allowed there (1.2 or 1.3 is needed)"
        )),
        TransportErrorKind::Tls => through(found("tls").advise(format!(
            "the connection ended in the TLS handshake: check host and port in {endpoint}, and the rules of firewalls"
        ))),
        TransportErrorKind::Timeout => through(found("timeout").advise(
            "packets are dropped without an answer, mostly by a firewall: check its rules",
        )),
        _ => found("no_answer").advise("try again; if it fails again, check proxies and gateways between this machine and the service"),
    }
}

#[cfg(test)]
mod tests;
