//! Errors of verifying a signature.

use std::error::Error as StdError;
use std::fmt;

use jiff::Timestamp;

use crate::CanonicalRequest;

/// The classes of [`VerifyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// The request has no signature of this algorithm.
    NotSigned,
    /// The signature or the time of signing is unreadable.
    Malformed,
    /// The access key is unknown.
    UnknownKey,
    /// The clocks differ by too much: [`VerifyError::clocks`].
    ClockSkew,
    /// The security token is missing, wrong, or present for a key without one.
    SecurityToken,
    /// A header in the list of signed headers is missing.
    MissingHeader,
    /// The stated hash of the body is wrong.
    BodyHash,
    /// The signature is not that of this request by this key: [`VerifyError::canonical_request`].
    Mismatch,
}

/// The error of a request whose signature is refused. Holds no secret.
#[derive(Clone, Debug)]
pub struct VerifyError {
    kind: VerifyErrorKind,
    message: String,
    clocks: Option<(Timestamp, Timestamp)>,
    canonical_request: Option<CanonicalRequest>,
}

impl VerifyError {
    fn new(kind: VerifyErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            clocks: None,
            canonical_request: None,
        }
    }

    pub(super) fn not_signed() -> Self {
        Self::new(
            VerifyErrorKind::NotSigned,
            "the request has no Authorization of SDK-HMAC-SHA256",
        )
    }

    pub(super) fn malformed(reason: &str) -> Self {
        let message = format!("the request is not signed properly: {reason}");
        Self::new(VerifyErrorKind::Malformed, message)
    }

    pub(super) fn unknown_key(id: &str) -> Self {
        let message = format!("the access key {id} is not known");
        Self::new(VerifyErrorKind::UnknownKey, message)
    }

    pub(super) fn clock_skew(signed_at: Timestamp, now: Timestamp) -> Self {
        let message = format!(
            "the request was signed at {signed_at:.0}, more than 15 minutes from {now:.0}, the time here"
        );
        Self {
            clocks: Some((signed_at, now)),
            ..Self::new(VerifyErrorKind::ClockSkew, message)
        }
    }

    pub(super) fn security_token(problem: &str) -> Self {
        let message = format!("the X-Security-Token {problem}");
        Self::new(VerifyErrorKind::SecurityToken, message)
    }

    pub(super) fn missing_header(name: &str) -> Self {
        let message = format!("the header {name} is listed as signed, but missing");
        Self::new(VerifyErrorKind::MissingHeader, message)
    }

    pub(super) fn body_hash(actual: &str) -> Self {
        let message =
            format!("X-Sdk-Content-Sha256 is not the hash of the body, which is {actual}");
        Self::new(VerifyErrorKind::BodyHash, message)
    }

    pub(super) fn mismatch(canonical_request: CanonicalRequest) -> Self {
        Self {
            canonical_request: Some(canonical_request),
            ..Self::new(
                VerifyErrorKind::Mismatch,
                "the signature is not that of this request by this key",
            )
        }
    }

    /// Returns the class.
    pub fn kind(&self) -> VerifyErrorKind {
        self.kind
    }

    /// Returns the time of signing and the local time, if they differ by too much.
    pub fn clocks(&self) -> Option<(Timestamp, Timestamp)> {
        self.clocks
    }

    /// Returns the canonical request that should have been signed, if the signature does not match.
    pub fn canonical_request(&self) -> Option<&CanonicalRequest> {
        self.canonical_request.as_ref()
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for VerifyError {}
