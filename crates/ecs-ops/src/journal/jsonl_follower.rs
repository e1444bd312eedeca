//! Reads a journal in a file while another process writes it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::{JournalError, JournalErrorKind};
use super::line::Contents;
use super::record::Entry;

/// Follows a journal in a file: each call returns the records that were added since the last one.
/// It locks nothing and changes nothing.
#[derive(Clone, Debug)]
pub struct JsonlFollower {
    path: PathBuf,
    /// The offset of the next line.
    offset: u64,
    /// The number of the next record.
    next: u64,
}

impl JsonlFollower {
    /// From the first record on.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            offset: 0,
            next: 0,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The records that are complete and were not returned before; none, if there is no news. A last
    /// line that is being written comes with a later call. Blocks while reading.
    ///
    /// # Errors
    /// As [`JsonlJournal::read`](super::JsonlJournal::read), and
    /// [`Contradiction`](JournalErrorKind::Contradiction): the file lost records that were returned.
    pub fn read_new(&mut self) -> Result<Vec<Entry>, JournalError> {
        let read = self.read().map_err(|error| error.of(&self.path))?;
        let (bytes, length) = read;
        if length < self.offset {
            let message = "records that were there are gone: the file was cut off or replaced";
            let error = JournalError::new(JournalErrorKind::Contradiction, message);
            return Err(error.of(&self.path));
        }
        let contents = Contents::parse_from(&bytes, self.next);
        let contents = contents.map_err(|error| error.of(&self.path))?;
        let rest = contents.tail.map_or(0, |tail| tail.bytes);
        self.offset += (bytes.len() as u64).saturating_sub(rest);
        self.next += contents.entries.len() as u64;
        Ok(contents.entries)
    }

    /// Reads the bytes after the offset, and the length of the file.
    fn read(&self) -> Result<(Vec<u8>, u64), JournalError> {
        let cannot = |error| JournalError::io("cannot be read", error);
        let metadata = std::fs::metadata(&self.path).map_err(cannot)?;
        // Opening a pipe would block, and it is not read twice.
        if !metadata.is_file() {
            return Err(cannot(io::Error::other("not a regular file")));
        }
        let mut bytes = Vec::new();
        if metadata.len() > self.offset {
            let mut file = File::open(&self.path).map_err(cannot)?;
            file.seek(SeekFrom::Start(self.offset)).map_err(cannot)?;
            file.read_to_end(&mut bytes).map_err(cannot)?;
        }
        Ok((bytes, metadata.len()))
    }
}

#[cfg(test)]
mod tests;
