//! The writer of lines.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{CLOSING, MARKER, Written};
use crate::journal::{Entry, Record};

/// The length from which on lines are written before they are whole: those of the plan of a large run. All records of
/// a request are in one piece.
pub(super) const PIECE: usize = 1024 * 1024;

/// Encodes entries as lines, each with its newline, and writes them in one piece, or in pieces of [`PIECE`] bytes.
pub(in crate::journal) struct Lines<W> {
    to: W,
    /// The bytes that are not written yet.
    piece: Vec<u8>,
    /// The offset of the bytes that are not in the checksum of their line yet.
    unchecked: usize,
    checksum: crc32fast::Hasher,
}

impl<W: Write> Lines<W> {
    pub(in crate::journal) fn new(to: W) -> Self {
        Self {
            to,
            piece: Vec::with_capacity(512),
            unchecked: 0,
            checksum: crc32fast::Hasher::new(),
        }
    }

    /// Adds an entry.
    pub(in crate::journal) fn add(
        &mut self,
        seq: u64,
        at: Timestamp,
        record: &Record,
    ) -> io::Result<()> {
        let v = Entry::VERSION;
        let written = Written { v, seq, at, record };
        if is_long(record) {
            serde_json::to_writer(&mut *self, &written)?;
        } else {
            serde_json::to_writer(&mut self.piece, &written)?;
        }
        // The closing brace comes after the checksum.
        self.piece.pop();
        self.check();
        let crc = std::mem::take(&mut self.checksum).finalize();
        self.piece.extend_from_slice(MARKER);
        self.piece
            .extend_from_slice(format!("{crc:08x}").as_bytes());
        self.piece.extend_from_slice(CLOSING);
        self.piece.push(b'\n');
        self.unchecked = self.piece.len();
        Ok(())
    }

    /// Writes the rest.
    pub(in crate::journal) fn finish(mut self) -> io::Result<()> {
        self.to.write_all(&self.piece)?;
        self.to.flush()
    }

    #[cold]
    fn write_piece(&mut self) -> io::Result<()> {
        self.check();
        self.to.write_all(&self.piece)?;
        self.piece.clear();
        self.unchecked = 0;
        Ok(())
    }

    fn check(&mut self) {
        let unchecked = self.piece.get(self.unchecked..);
        self.checksum.update(unchecked.unwrap_or_default());
        self.unchecked = self.piece.len();
    }
}

/// Returns whether a record may be longer than a piece: it has servers of the whole run.
fn is_long(record: &Record) -> bool {
    match record {
        Record::Run(_) | Record::InitialState { .. } => true,
        Record::Outcomes { servers } => servers.len() > 1000,
        _ => false,
    }
}

/// A part of a line. The last one stays in the piece.
impl<W: Write> Write for Lines<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.write_all(part)?;
        Ok(part.len())
    }

    // Called for each token of the JSON: without a loop around `write`.
    #[inline]
    fn write_all(&mut self, part: &[u8]) -> io::Result<()> {
        if self.piece.len() >= PIECE {
            self.write_piece()?;
        }
        self.piece.extend_from_slice(part);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
