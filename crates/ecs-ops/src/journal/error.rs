//! Errors of journals.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// The classes of [`JournalError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// A new journal was to be created, but the file exists.
    Exists,
    /// Another run, or another process, writes to it.
    InUse,
    /// A new run was to begin in it, and it holds one already.
    Begun,
    /// The system refused: no such file, no permission, no space, …
    Io,
    /// An earlier append failed: the journal takes no further records.
    Broken,
    /// The file holds no complete record: its run sent nothing.
    Empty,
    /// A line before the last one is damaged, or the file is not a journal.
    Damaged,
    /// It was written by a later version of this program.
    TooNew,
    /// Its records contradict each other.
    Contradiction,
    /// It belongs to another endpoint or project, or holds other records than those that are to be
    /// resumed.
    Foreign,
}

/// A journal could not be written, opened or understood.
///
/// ```
/// use std::io;
/// use ecs_ops::journal::{JournalError, JournalErrorKind};
///
/// // As a journal of your own reports what its store says.
/// let lost = io::Error::from(io::ErrorKind::ConnectionReset);
/// let error = JournalError::new(JournalErrorKind::Io, "the database took no record").with_source(lost);
/// assert_eq!(error.to_string(), "the database took no record");
/// assert!(std::error::Error::source(&error).is_some());
/// ```
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    line: Option<u64>,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl JournalError {
    /// An error of this class, with this message: a lowercase fragment that says what happened, to
    /// what, and what to do next.
    pub fn new(kind: JournalErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            line: None,
            message: message.into(),
            source: None,
        }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn io(message: &str, source: std::io::Error) -> Self {
        Self::new(JournalErrorKind::Io, message).with_source(source)
    }

    /// The record of this number, counted from 0, cannot be true after those before it.
    pub(super) fn contradiction(seq: u64, message: &str) -> Self {
        let message = format!("{message}; the file was edited, or this is a bug");
        Self::new(JournalErrorKind::Contradiction, message).at(seq.saturating_add(1))
    }

    /// Adds the line of the file, counted from 1.
    pub(super) fn at(mut self, line: u64) -> Self {
        self.line = Some(line);
        self.message = format!("line {line}: {}", self.message);
        self
    }

    pub(super) fn of(mut self, path: &Path) -> Self {
        self.message = format!("journal {}: {}", path.display(), self.message);
        self
    }

    /// The class.
    pub fn kind(&self) -> JournalErrorKind {
        self.kind
    }

    /// The affected line, counted from 1.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// Returns `true` if another run, or another process, writes to it.
    pub fn is_in_use(&self) -> bool {
        self.kind == JournalErrorKind::InUse
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for JournalError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
