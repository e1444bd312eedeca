//! Why a request is not accepted as signed.

use std::error::Error as StdError;
use std::fmt;

use jiff::Timestamp;

use crate::CanonicalRequest;

/// The classes of [`VerifyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// It has no signature of this algorithm.
    NotSigned,
    /// The signature, or the time of signing, cannot be read.
    Malformed,
    /// Nobody has this access key.
    UnknownKey,
    /// The two clocks are too far apart: [`VerifyError::clocks`].
    ClockSkew,
    /// The security token is missing, wrong, or there for a key that has none.
    SecurityToken,
    /// A header is said to be signed and is not there.
    MissingHeader,
    /// The hash that it tells of its body is not that of its body.
    BodyHash,
    /// The signature is another one than that of this request by this key: [`VerifyError::canonical_request`].
    Mismatch,
}

/// A request is not accepted as signed. Holds no secret.
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

    pub(super) fn malformed(why: &str) -> Self {
        let message = format!("the request is not signed properly: {why}");
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

    pub(super) fn security_token(what: &str) -> Self {
        let message = format!("the X-Security-Token {what}");
        Self::new(VerifyErrorKind::SecurityToken, message)
    }

    pub(super) fn missing_header(name: &str) -> Self {
        let message = format!("the header {name} is said to be signed, but is not there");
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

    /// Returns when the signer's clock was too far off: the time of signing by it, and the time
    /// here.
    pub fn clocks(&self) -> Option<(Timestamp, Timestamp)> {
        self.clocks
    }

    /// Returns where the signature is another one: the request as it should have been signed.
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
