//! Errors of the store.

use std::error::Error as StdError;
use std::fmt;

use crate::journal::{JournalError, JournalErrorKind};

/// The classes of [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The address of the store, or a setting in it, is not valid.
    Invalid,
    /// The server cannot be reached, is starting or stopping, has no room, or gave no answer in time.
    Unavailable,
    /// The server refused: the password, a right, a database that is not there.
    Refused,
    /// The database has no tables.
    NoTables,
    /// The tables are of an earlier version than this program needs.
    OldTables,
    /// The tables are of a version or form that this program cannot use.
    Schema,
    /// The server may forget what it reported as written.
    NotDurable,
    /// There is no such run.
    NoRun,
    /// Another process has the run.
    InUse,
    /// Another process took the run over.
    Fenced,
    /// The store does not hold what was written to it.
    Contradiction,
    /// A failure of another kind.
    Other,
}

/// The store could not be used.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// An error of this class.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Takes over the cause of another error.
    #[must_use]
    pub fn with_source_of(mut self, error: Self) -> Self {
        self.source = error.source;
        self
    }

    /// The class.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns `true` if the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind {
            StoreErrorKind::InUse | StoreErrorKind::Fenced => JournalErrorKind::InUse,
            StoreErrorKind::Contradiction => JournalErrorKind::Contradiction,
            _ => JournalErrorKind::Io,
        };
        let message = error.message.clone();
        let journal_error = JournalError::new(kind, message);
        match error.source {
            Some(source) => journal_error.with_source(source),
            None => journal_error,
        }
    }
}
