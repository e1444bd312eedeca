//! Why there are no credentials.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::Echo;

/// The classes of [`AuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// What was given cannot be credentials.
    Malformed,
    /// Nobody has any: every source was looked at.
    Missing,
    /// A source that should have credentials could not give them now; later it may.
    Unavailable,
    /// A service was asked for credentials and said no. Asking again the same way will not help, and may lock an account.
    Refused,
}

/// Credentials could not be had. Holds no secret.
///
/// ```
/// use ecs_auth::{AuthError, AuthErrorKind};
///
/// let error = AuthError::new(AuthErrorKind::Unavailable, "the vault is sealed: unseal it and try again");
/// assert_eq!(error.kind(), AuthErrorKind::Unavailable);
/// ```
#[derive(Clone, Debug)]
pub struct AuthError {
    kind: AuthErrorKind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    detail: Option<Arc<Detail>>,
}

/// More about an error, for programs. One pointer: the error is part of many results.
#[derive(Debug)]
enum Detail {
    Refusal(Refusal),
    Reason(AuthReason),
}

/// What is missing or refused, for programs: a command line names its own options for it.
///
/// ```
/// use ecs_auth::{AuthReason, CredentialConfig, CredentialOptions, Environment};
///
/// let environment = Environment::default()
///     .with_variable("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3")
///     .with_variable("OS_AUTH_TYPE", "v3applicationcredential")
///     .with_variable("OS_APPLICATION_CREDENTIAL_ID", "i")
///     .with_variable("OS_APPLICATION_CREDENTIAL_SECRET", "s");
/// let error = CredentialConfig::new(&CredentialOptions::default(), &environment).unwrap_err();
/// assert!(matches!(error.reason(), Some(AuthReason::UnsupportedLogin { kind, .. }) if kind == "v3applicationcredential"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthReason {
    /// A login of a kind that is not spoken here. Another source is not tried: it could be another account's.
    UnsupportedLogin {
        /// The kind, such as `v3oidcpassword`.
        kind: String,
        /// The setting that names it.
        setting: String,
    },
    /// Half of a login.
    HalfOfALogin {
        /// The setting that is there.
        given: String,
        /// The one that is missing.
        missing: String,
    },
    /// Settings that contradict each other: it is not clear which is meant.
    Conflict {
        /// The settings.
        settings: Vec<String>,
    },
    /// The address of a service does not follow from what is known.
    AddressUnknown {
        /// The service, `ECS` or `IAM`.
        service: &'static str,
        /// Why.
        gap: AddressGap,
    },
    /// The project is not known, and neither is the region whose project it would be.
    ProjectUnknown,
    /// An operator that is not in the table.
    OperatorUnknown {
        /// As it was given.
        id: String,
    },
    /// A cloud or profile that is not there.
    SourceMissing {
        /// Its name.
        name: String,
        /// Those that are there.
        present: Vec<String>,
    },
    /// A file that cannot be read or understood.
    Unreadable {
        /// Its path.
        path: String,
    },
    /// A setting asks for connections whose certificates are not verified.
    InsecureTls {
        /// The setting.
        setting: String,
    },
    /// An empty value where there should be one.
    Empty {
        /// The setting.
        setting: String,
    },
}

/// Why an address does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressGap {
    /// No region is named.
    NoRegion,
    /// Nobody lists the region.
    UnknownRegion {
        /// The region.
        region: String,
    },
    /// Several operators have a region of this id.
    AmbiguousRegion {
        /// The region.
        region: String,
        /// The ids of the operators.
        operators: Vec<&'static str>,
    },
    /// Another address that was given is of another cloud than the region: credentials go to no host that nobody named.
    OtherCloud {
        /// The region.
        region: String,
        /// The address that was given.
        address: String,
    },
}

impl fmt::Display for AddressGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRegion => f.write_str("no region is named"),
            Self::UnknownRegion { region } => {
                write!(f, "no operator that is known here has a region {region}")
            }
            Self::AmbiguousRegion { region, operators } => write!(
                f,
                "several operators have a region {region}: {}",
                operators.join(", ")
            ),
            Self::OtherCloud { region, address } => {
                write!(f, "{address} is of another cloud than the region {region}")
            }
        }
    }
}

/// What a service said that was asked for credentials, or shown them, and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's code.
    pub code: Option<String>,
    /// The service's words, without what is secret.
    pub message: Option<String>,
    /// What its clock showed.
    pub time: Option<Timestamp>,
    /// What it says of the request that was signed, where one was.
    pub echo: Option<Echo>,
}

impl AuthError {
    /// Creates an error with a message for people: what happened, to what, what to do. No secrets.
    pub fn new(kind: AuthErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            detail: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_refusal(mut self, refusal: Refusal) -> Self {
        self.detail = Some(Arc::new(Detail::Refusal(refusal)));
        self
    }

    /// Returns an error of what was given, with its reason.
    pub(crate) fn malformed(message: impl Into<String>, reason: AuthReason) -> Self {
        let mut error = Self::new(AuthErrorKind::Malformed, message);
        error.detail = Some(Arc::new(Detail::Reason(reason)));
        error
    }

    /// Returns the same error with something before its message.
    pub(crate) fn within(mut self, place: &dyn fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// What is missing or refused, if it is something that was given or not given.
    pub fn reason(&self) -> Option<&AuthReason> {
        match self.detail.as_deref()? {
            Detail::Reason(reason) => Some(reason),
            Detail::Refusal(_) => None,
        }
    }

    /// What a service answered, if it is because of an answer that there are no credentials.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self.detail.as_deref()? {
            Detail::Refusal(refusal) => Some(refusal),
            Detail::Reason(_) => None,
        }
    }

    /// Returns whether asking again later can help.
    pub fn is_temporary(&self) -> bool {
        self.kind == AuthErrorKind::Unavailable
    }

    /// Returns the class.
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for AuthError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
