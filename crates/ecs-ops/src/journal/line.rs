//! Encodes an entry as a line, and decodes a whole file. Pure.
//!
//! A line is a JSON object whose last member is the CRC-32 (as of gzip) of all bytes before that
//! member. Each write is of whole lines, and follows the last one, so a process that dies can only
//! damage the last line. An incomplete last line is cut off; the [two rules](super) say why that is
//! safe. Any other damage is refused, also of lines that were not synced when a machine lost its power:
//! which lines those were, the file does not say.

mod writer;

use std::io::Read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) use self::writer::Lines;
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
        let mut line = Vec::new();
        let mut lines = Lines::new(&mut line);
        let encoded = lines.add(self.seq, self.at, &self.record);
        let encoded = encoded.and_then(|()| lines.finish());
        encoded.map_err(|error| {
            let message = "a record cannot be encoded";
            JournalError::new(JournalErrorKind::Broken, message).with_source(error)
        })?;
        Ok(line)
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

    /// Records that were read in pieces, the first one first.
    pub fn of(entries: Vec<Entry>) -> Self {
        let tail = None;
        Self { entries, tail }
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

/// Returns `true` if the checksum of a line, without its newline, is right.
fn is_whole(line: &[u8]) -> bool {
    body_and_digits(line)
        .is_some_and(|(body, digits)| digits == format!("{:08x}", crc32fast::hash(body)).as_bytes())
}

/// Splits a line into what its checksum is of, and the checksum.
fn body_and_digits(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(CLOSING)?;
    let (line, digits) = line.split_at_checked(line.len().checked_sub(DIGITS)?)?;
    Some((line.strip_suffix(MARKER)?, digits))
}

/// Reads a whole file.
pub(super) fn read(file: &[u8]) -> Result<Contents, JournalError> {
    read_from(file, 0)
}

/// The number of bytes that are read from a file at once.
const CHUNK: u64 = 256 * 1024;

/// Reads lines of which the first has this number. Holds the bytes of one line only, and those from the first line on
/// that is not whole.
pub(super) fn read_from(mut from: impl Read, first: u64) -> Result<Contents, JournalError> {
    let cannot = |error| JournalError::io("cannot be read", error);
    let mut entries = Vec::new();
    let (mut offset, mut held) = (0, Vec::new());
    loop {
        let searched = held.len();
        let added = from.by_ref().take(CHUNK).read_to_end(&mut held);
        if added.map_err(cannot)? == 0 {
            break;
        }
        let whole = read_lines(&held, searched, first, &mut entries)?;
        held.drain(..whole.bytes);
        offset += whole.bytes;
        if whole.others_follow {
            from.read_to_end(&mut held).map_err(cannot)?;
            break;
        }
    }
    contents(entries, first, offset, &held)
}

/// The whole lines at the beginning of a part of a file.
struct WholeLines {
    bytes: usize,
    /// `true` if a line follows that is not whole.
    others_follow: bool,
}

/// Decodes the whole lines at the beginning of a part, whose first `searched` bytes have no newline.
fn read_lines(
    part: &[u8],
    searched: usize,
    first: u64,
    entries: &mut Vec<Entry>,
) -> Result<WholeLines, JournalError> {
    let (mut bytes, mut searched) = (0, searched);
    let newline = |from: usize| {
        let rest = part.get(from..)?;
        Some(from + rest.iter().position(|byte| *byte == b'\n')?)
    };
    while let Some(end) = newline(searched) {
        let line = &part[bytes..end];
        if !is_whole(line) {
            return Ok(WholeLines {
                bytes,
                others_follow: true,
            });
        }
        entries.push(parse(line, first + entries.len() as u64)?);
        bytes = end + 1;
        searched = bytes;
    }
    Ok(WholeLines {
        bytes,
        others_follow: false,
    })
}

/// The contents of a file with these whole lines, of which the first has this number, and the rest after them.
fn contents(
    entries: Vec<Entry>,
    first: u64,
    offset: usize,
    rest: &[u8],
) -> Result<Contents, JournalError> {
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

/// Returns `true` if the tail can be the rest of a single line.
fn is_one_line(tail: &[u8]) -> bool {
    let times = |pattern: &[u8]| {
        tail.windows(pattern.len())
            .filter(|window| *window == pattern)
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

/// Returns `true` if the tail can be the rest of the first line of a journal: then its run sent nothing.
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
