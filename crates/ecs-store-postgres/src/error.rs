//! Errors of the store.

use std::error::Error as StdError;
use std::fmt;

use ecs_ops::journal::{JournalError, JournalErrorKind};
use tokio_postgres::error::SqlState;

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
    /// The tables are not there, or of a version that this program does not use.
    Schema,
    /// The server may forget what it reported as written.
    NotDurable,
    /// There is no such run.
    NoRun,
    /// Another process has the run.
    InUse,
    /// Another process took the run over.
    Fenced,
    /// What the store holds is not what was written to it.
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
    pub(crate) fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Takes over the cause of another error.
    pub(crate) fn with_source_of(mut self, error: Self) -> Self {
        self.source = error.source;
        self
    }

    /// What the driver reports.
    pub(crate) fn of_driver(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            let message = "the connection to the store failed";
            return Self::new(StoreErrorKind::Unavailable, message).with_source(error);
        };
        let (kind, advice) = classify(answer.code());
        // The detail and the statement may hold data, and are left out.
        let message = format!(
            "the store answered {:?} ({}){advice}",
            answer.message(),
            answer.code().code()
        );
        Self::new(kind, message)
    }

    /// The class.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
    }
}

/// What an error code of PostgreSQL means for a call (PostgreSQL manual, appendix A).
fn classify(code: &SqlState) -> (StoreErrorKind, &'static str) {
    let is_class = |class: &str| code.code().starts_with(class);
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        let advice = ": the role lacks a right, see docs/store.md, \"Rights\"";
        return (StoreErrorKind::Refused, advice);
    }
    if *code == SqlState::UNDEFINED_TABLE
        || *code == SqlState::UNDEFINED_FUNCTION
        || *code == SqlState::INVALID_SCHEMA_NAME
    {
        let advice = ": run `ecsctl store check`";
        return (StoreErrorKind::Schema, advice);
    }
    // 08 connection, 53 no resources, 57P operator intervention, 40 rolled back, 55P03 lock not
    // available, 25006 a standby.
    let temporary = ["08", "53", "57P", "40", "55P03", "25006"];
    if temporary.into_iter().any(is_class) {
        return (StoreErrorKind::Unavailable, "");
    }
    if is_class("28") || is_class("3D") {
        return (StoreErrorKind::Refused, "");
    }
    (StoreErrorKind::Other, "")
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

#[cfg(test)]
mod tests;
