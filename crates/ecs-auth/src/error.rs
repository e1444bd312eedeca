//! Errors of obtaining credentials.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::Echo;

/// The classes of [`AuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// A given value cannot be credentials.
    Malformed,
    /// No source has credentials; all were tried.
    Missing,
    /// A source that should have credentials is unavailable now; a later attempt may succeed.
    Unavailable,
    /// A service refused to give credentials. The same request will not succeed later and may lock
    /// an account.
    Refused,
}

/// The error of obtaining credentials. Holds no secret.
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

/// Details of an error, for programs. Boxed, because the error is part of many results.
#[derive(Debug)]
enum Detail {
    Refusal(Refusal),
    Reason(AuthReason),
}

/// The missing or refused item, for programs: a command line names its own options for it.
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
    /// A kind of login that is not supported. Other sources are not tried: they could be another
    /// account's.
    UnsupportedLogin {
        /// The kind, such as `v3oidcpassword`.
        kind: String,
        /// The setting that names it.
        setting: String,
    },
    /// Incomplete credentials.
    IncompleteCredentials {
        /// The setting that is present.
        given: String,
        /// The setting that is missing.
        missing: String,
    },
    /// Settings that contradict each other.
    Conflict {
        /// The settings.
        settings: Vec<String>,
    },
    /// The address of a service does not follow from what is known.
    AddressUnknown {
        /// The service, `ECS` or `IAM`.
        service: &'static str,
        /// The reason.
        gap: AddressGap,
    },
    /// Neither the project nor the region whose project it would be is known.
    ProjectUnknown,
    /// An unknown operator.
    OperatorUnknown {
        /// The id, as given.
        id: String,
    },
    /// A cloud or profile that does not exist.
    SourceMissing {
        /// Its name.
        name: String,
        /// The existing ones.
        present: Vec<String>,
    },
    /// A file that is unreadable or invalid.
    Unreadable {
        /// Its path.
        path: String,
    },
    /// A setting that disables the verification of certificates.
    InsecureTls {
        /// The setting.
        setting: String,
    },
    /// An empty value where one is required.
    Empty {
        /// The setting.
        setting: String,
    },
}

/// The reason why an address cannot be derived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressGap {
    /// No region is named.
    NoRegion,
    /// No operator lists the region.
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
    /// A given address is in another cloud than the region. Credentials are never sent to a derived
    /// host in that case.
    OtherCloud {
        /// The region.
        region: String,
        /// The given address.
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

/// The refusal of a service that gives credentials or received them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's error code.
    pub code: Option<String>,
    /// The service's message, with secrets masked.
    pub message: Option<String>,
    /// The time on the service's clock.
    pub time: Option<Timestamp>,
    /// The service's view of the signed request, if it was signed.
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

    /// Creates an error about given settings, with its reason.
    pub(crate) fn malformed(message: impl Into<String>, reason: AuthReason) -> Self {
        let mut error = Self::new(AuthErrorKind::Malformed, message);
        error.detail = Some(Arc::new(Detail::Reason(reason)));
        error
    }

    /// Prefixes the message with a place.
    pub(crate) fn within(mut self, place: &dyn fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Returns what is missing or refused, if the error is about settings.
    pub fn reason(&self) -> Option<&AuthReason> {
        match self.detail.as_deref()? {
            Detail::Reason(reason) => Some(reason),
            Detail::Refusal(_) => None,
        }
    }

    /// Returns the service's refusal, if the error comes from one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self.detail.as_deref()? {
            Detail::Refusal(refusal) => Some(refusal),
            Detail::Reason(_) => None,
        }
    }

    /// Returns whether a later attempt may succeed.
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
