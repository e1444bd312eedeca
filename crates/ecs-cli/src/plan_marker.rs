//! Markers of applied plans: files in the folder for journals, named by the hash of the plan, so that a copy of a plan in
//! another folder is not applied again.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::private_file;

/// The end of the name of a marker.
const EXTENSION: &str = "applied";
/// The beginning of a marker that names a journal.
const JOURNAL: &str = "journal ";

/// The run that a marker names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MarkedRun {
    /// The run with this journal.
    Journal(PathBuf),
    /// A run in a store, as the note beside the plan describes it.
    Store(String),
    /// The marker is incomplete: its process ended while it was written.
    Unknown,
}

impl MarkedRun {
    fn text(&self) -> String {
        match self {
            Self::Journal(path) => format!("{JOURNAL}{}\n", path.display()),
            Self::Store(note) => format!("{}\n", note.trim_end()),
            Self::Unknown => String::new(),
        }
    }

    fn parse(text: &str) -> Self {
        let Some(line) = text.strip_suffix('\n') else {
            return Self::Unknown;
        };
        match line.strip_prefix(JOURNAL) {
            Some(path) => Self::Journal(path.into()),
            None if is_store_note(line) => Self::Store(line.to_owned()),
            None => Self::Unknown,
        }
    }
}

/// Returns `true` for the note about a run in a store.
pub(crate) fn is_store_note(text: &str) -> bool {
    text.starts_with("run ") && text.contains(" in the store ")
}

/// The marker of a plan, which may exist or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanMarker(PathBuf);

impl PlanMarker {
    /// Returns the marker of the plan with this hash.
    pub(crate) fn within(folder: &Path, hash: &str) -> Self {
        Self(folder.join(format!("{hash}.{EXTENSION}")))
    }

    /// Returns the marker in this file, if its name is that of one.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        let is_marker = path.extension().is_some_and(|end| end == EXTENSION);
        is_marker.then(|| Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the run of the plan; `None` if there is no marker.
    pub(crate) fn read(&self) -> io::Result<Option<MarkedRun>> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(Some(MarkedRun::parse(&String::from_utf8_lossy(&bytes)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the marker and makes it durable.
    ///
    /// # Errors
    /// It exists, or cannot be written; then it is removed.
    pub(crate) fn create(&self, run: &MarkedRun) -> io::Result<()> {
        let mut file = private_file::create_new(&self.0)?;
        let written = file
            .write_all(run.text().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| self.sync_folder());
        if written.is_err() {
            self.remove();
        }
        written
    }

    /// Removes the marker of a run that did not begin. One that remains is reported by the next try.
    pub(crate) fn remove(&self) {
        let _ = std::fs::remove_file(&self.0);
    }

    /// Makes the entry in the folder durable.
    fn sync_folder(&self) -> io::Result<()> {
        match self.0.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
