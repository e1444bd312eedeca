//! Errors of setting up a simulator.

use std::error::Error as StdError;
use std::fmt;

/// The error of a simulator that could not be set up or run.
///
/// ```
/// use ecs_sim::{Region, SimErrorKind};
///
/// let error = Region::builder().failing(1.5).build().unwrap_err();
/// assert_eq!(error.kind(), SimErrorKind::Config);
/// assert_eq!(error.to_string(), "the share of failing servers must be from 0 to 1, not 1.5");
/// ```
#[derive(Debug)]
pub struct SimError {
    kind: SimErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The classes of [`SimError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SimErrorKind {
    /// An invalid setting.
    Config,
    /// The address to listen on cannot be used.
    Bind,
    /// The certificate or its key cannot be used.
    Tls,
}

impl SimError {
    pub(crate) fn new(kind: SimErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(SimErrorKind::Config, message)
    }

    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the class.
    pub fn kind(&self) -> SimErrorKind {
        self.kind
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for SimError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
