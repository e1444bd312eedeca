//! Errors of building a transport.

use std::error::Error as StdError;
use std::fmt;

/// The setting with which a transport cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A CA file cannot be read.
    CaFile,
    /// The given CA certificates are not certificates.
    CaCertificate,
    /// A client certificate or its key cannot be used.
    ClientCertificate,
    /// A proxy is not a URL.
    Proxy,
    /// TLS cannot be set up.
    Tls,
}

/// The error of building a [`HyperTransport`](crate::HyperTransport).
///
/// ```
/// use ecs_transport::{BuildErrorKind, HyperTransport};
///
/// let error = HyperTransport::builder().ca_pem("not a certificate").build().unwrap_err();
/// assert_eq!(error.kind(), BuildErrorKind::CaCertificate);
/// ```
#[derive(Debug)]
pub struct BuildError {
    kind: BuildErrorKind,
    detail: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BuildError {
    pub(super) fn new(kind: BuildErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            source: None,
        }
    }

    pub(super) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the setting that is invalid.
    pub fn kind(&self) -> BuildErrorKind {
        self.kind
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for BuildError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
