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
    /// Another process uses the file.
    InUse,
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
    /// It belongs to another endpoint or project.
    Foreign,
}

/// A journal could not be written, opened or understood.
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    line: Option<u64>,
    message: String,
    source: Option<std::io::Error>,
}

impl JournalError {
    pub(super) fn new(kind: JournalErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            line: None,
            message: message.into(),
            source: None,
        }
    }

    pub(super) fn io(what: &str, source: std::io::Error) -> Self {
        Self {
            source: Some(source),
            ..Self::new(JournalErrorKind::Io, what)
        }
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

    /// Whether another process uses the file.
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
        self.source.as_ref().map(|source| source as _)
    }
}
