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
    refusal: Option<Arc<Refusal>>,
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
    /// An error with words for people: what happened, to what, what to do. No secrets.
    pub fn new(kind: AuthErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            refusal: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_refusal(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(Arc::new(refusal));
        self
    }

    /// What a service answered, if it is because of an answer that there are no credentials.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_deref()
    }

    /// Whether asking again later can help.
    pub fn is_temporary(&self) -> bool {
        self.kind == AuthErrorKind::Unavailable
    }

    /// The class.
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
