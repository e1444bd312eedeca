//! Encodes an entry as a line, and decodes a whole file. Pure.
//!
//! A line is a JSON object whose last member is the CRC-32 (as of gzip) of all bytes before that
//! member. Each write is of whole lines, and follows the last one, so a process that dies can only
//! damage the last line. An incomplete last line is cut off; the [two rules](super) say why that is
//! safe. Any other damage is refused, also of lines that were not synced when a machine lost its power:
//! which lines those were, the file does not say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{JournalError, JournalErrorKind};
use super::{Entry, Record};

/// The contents of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The complete records, in order.
    pub entries: Vec<Entry>,
    /// The rest after them, if any: a last line that is incomplete, damaged or being written.
    pub tail: Option<Tail>,
}

/// The end of a file that is not a complete record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tail {
    /// The line, counted from 1.
    pub line: u64,
    /// The offset of its first byte.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    seq: u64,
    at: Timestamp,
    record: &'a Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u32,
    seq: u64,
    at: Timestamp,
    record: Record,
    #[serde(rename = "crc32")]
    _crc32: String,
}

/// A line of any version.
#[derive(Deserialize)]
struct AnyLine {
    v: u64,
}

/// The text before the checksum. JSON escapes quotes within strings, so it occurs once in a line.
const MARKER: &[u8] = br#","crc32":""#;
const DIGITS: usize = 8;
const CLOSING: &[u8] = br#""}"#;

impl Entry {
    /// The entry as a line of a journal, with its checksum and its newline.
    ///
    /// # Errors
    /// Does not fail for records of this crate.
    pub fn to_line(&self) -> Result<Vec<u8>, JournalError> {
        encode(self.seq, self.at, &self.record).map_err(|error| {
            let message = "a record cannot be encoded";
            JournalError::new(JournalErrorKind::Broken, message).with_source(error)
        })
    }
}

impl Contents {
    /// Reads the lines of a journal, wherever they were kept.
    ///
    /// # Errors
    /// As [`JsonlJournal::read`](super::JsonlJournal::read), but for those of files.
    pub fn parse(lines: &[u8]) -> Result<Self, JournalError> {
        read(lines)
    }

    /// Reads lines that follow others: the first one has this number, counted from 0. Lines and
    /// offsets of what is returned count from there.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_from(lines: &[u8], first: u64) -> Result<Self, JournalError> {
        read_from(lines, first)
    }
}

/// Encodes an entry as a line, with its newline.
pub(super) fn encode(seq: u64, at: Timestamp, record: &Record) -> serde_json::Result<Vec<u8>> {
    let v = Entry::VERSION;
    let written = Written { v, seq, at, record };
    let mut line = serde_json::to_vec(&written)?;
    line.pop(); // the closing brace comes after the checksum
    let crc = crc32fast::hash(&line);
    line.extend_from_slice(MARKER);
    line.extend_from_slice(format!("{crc:08x}").as_bytes());
    line.extend_from_slice(CLOSING);
    line.push(b'\n');
    Ok(line)
}

/// Whether the checksum of a line, without its newline, is right.
fn is_whole(line: &[u8]) -> bool {
    let crc = || {
        let line = line.strip_suffix(CLOSING)?;
        let (line, digits) = line.split_at_checked(line.len().checked_sub(DIGITS)?)?;
        let body = line.strip_suffix(MARKER)?;
        Some(digits == format!("{:08x}", crc32fast::hash(body)).as_bytes())
    };
    crc() == Some(true)
}

/// Reads a whole file.
pub(super) fn read(file: &[u8]) -> Result<Contents, JournalError> {
    read_from(file, 0)
}

/// Reads lines of which the first has this number.
fn read_from(file: &[u8], first: u64) -> Result<Contents, JournalError> {
    let mut entries = Vec::new();
    let mut offset = 0;
    let mut rest = file;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        if !is_whole(line) {
            break;
        }
        entries.push(parse(line, first + entries.len() as u64)?);
        offset += end + 1;
        rest = after;
    }
    let number = first + entries.len() as u64 + 1;
    if rest.is_empty() {
        return Ok(Contents {
            entries,
            tail: None,
        });
    }
    let is_beginning = first == 0 && entries.is_empty();
    if is_beginning && version(rest).is_some_and(|v| v != u64::from(Entry::VERSION)) {
        return Err(too_new().at(number));
    }
    if is_beginning && !is_torn_beginning(rest) {
        let message =
            "not a valid run journal (or it was modified), so its history cannot be trusted";
        return Err(JournalError::new(JournalErrorKind::Damaged, message).at(number));
    }
    if !is_one_line(rest) {
        let message = "the line is damaged and others follow it, so the history cannot be trusted: \
                     restore the file from a copy, or check the servers";
        return Err(JournalError::new(JournalErrorKind::Damaged, message).at(number));
    }
    Ok(Contents {
        entries,
        tail: Some(Tail {
            line: number,
            offset: offset as u64,
            bytes: rest.len() as u64,
        }),
    })
}

/// The start of each line, and of the first one.
const BEGINNING: &[u8] = br#"{"v":"#;
const FIRST: &[u8] = br#"{"v":1,"seq":0,"#;

/// Whether the tail can be the rest of a single line.
fn is_one_line(tail: &[u8]) -> bool {
    let times = |what: &[u8]| {
        tail.windows(what.len())
            .filter(|window| *window == what)
            .count()
    };
    // The first line may lack only its newline.
    let whole = tail.split(|byte| *byte == b'\n').skip(1).any(is_whole);
    if whole || times(MARKER) > 1 || times(BEGINNING) > 1 {
        return false;
    }
    // A byte may have been damaged into a newline; then neither part is an object.
    let lines = tail.strip_suffix(b"\n").unwrap_or(tail);
    let mut parts = lines.split(|byte| *byte == b'\n');
    let is_object =
        |part| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(part).is_ok();
    match parts.clone().count() {
        1 => true,
        2 => !parts.any(is_object),
        _ => false,
    }
}

/// Whether the tail can be the rest of the first line of a journal: then its run sent nothing.
fn is_torn_beginning(tail: &[u8]) -> bool {
    let begins = tail.starts_with(FIRST) || FIRST.starts_with(tail);
    // Or a block that was never written.
    let is_hole = tail.starts_with(b"\0");
    (begins || is_hole) && is_one_line(tail)
}

/// The version at the start of a line.
fn version(line: &[u8]) -> Option<u64> {
    let line = line.strip_prefix(br#"{"v":"#)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[..digits]).ok()?.parse().ok()
}

fn too_new() -> JournalError {
    let message = format!(
        "written by a later version of this program (this one supports journals of version {})",
        Entry::VERSION
    );
    JournalError::new(JournalErrorKind::TooNew, message)
}

/// Decodes a complete line.
fn parse(line: &[u8], seq: u64) -> Result<Entry, JournalError> {
    let number = seq + 1;
    let is_ours = |v: u64| v == u64::from(Entry::VERSION);
    let line: Line = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => {
            let version = serde_json::from_slice::<AnyLine>(line).ok();
            return Err(match version {
                Some(any) if !is_ours(any.v) => too_new(),
                _ => {
                    let message = format!(
                        "the line is intact but not understood ({error}): resume it with the \
                         program that wrote it"
                    );
                    JournalError::new(JournalErrorKind::TooNew, message)
                }
            }
            .at(number));
        }
    };
    if !is_ours(line.v.into()) {
        return Err(too_new().at(number));
    }
    if line.seq != seq {
        let message = format!(
            "found record {} where {seq} was expected: lines are missing or foreign; restore the file from a copy",
            line.seq
        );
        return Err(JournalError::new(JournalErrorKind::Damaged, message).at(number));
    }
    Ok(Entry {
        seq,
        at: line.at,
        record: line.record,
    })
}

#[cfg(test)]
mod tests;
