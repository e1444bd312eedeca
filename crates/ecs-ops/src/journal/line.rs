//! Lines: how an entry is written, and how a whole file is read. Pure.
//!
//! A line is a JSON object whose last member is the CRC-32 (the one of gzip) of all bytes before that member. A line is
//! written as a whole and synced before the next one, so that a crash can only spoil the last one. A last line that is
//! not whole is cut; the [two rules](super) say why that is safe. Anything else that does not fit is refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{JournalError, JournalErrorKind};
use super::{Entry, Record};

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The whole records, in their order.
    pub entries: Vec<Entry>,
    /// What comes after them, if something does: the last line was torn, is damaged, or is being written.
    pub tail: Option<Tail>,
}

/// The end of a file that is no whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tail {
    /// Its line, counted from 1.
    pub line: u64,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
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

/// Before the checksum. Within texts JSON escapes the quotes, so it stands in a line once.
const MARKER: &[u8] = br#","crc32":""#;
const DIGITS: usize = 8;
const CLOSING: &[u8] = br#""}"#;

/// The line of an entry, with its end.
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

/// Whether the checksum of a line, without its end, is right.
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
    let mut entries = Vec::new();
    let mut offset = 0;
    let mut rest = file;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        if !is_whole(line) {
            break;
        }
        entries.push(parse(line, entries.len() as u64)?);
        offset += end + 1;
        rest = after;
    }
    let number = entries.len() as u64 + 1;
    if rest.is_empty() {
        return Ok(Contents {
            entries,
            tail: None,
        });
    }
    if entries.is_empty() && version(rest).is_some_and(|v| v != u64::from(Entry::VERSION)) {
        return Err(too_new().at(number));
    }
    if entries.is_empty() && !is_torn_beginning(rest) {
        let message = "it is no journal of a run, or it was changed: what its run did cannot be known from it";
        return Err(JournalError::new(JournalErrorKind::Damaged, message).at(number));
    }
    if !is_one_line(rest) {
        let message = "it is damaged, and others come after it, so that what happened cannot be known: restore the file \
                     from a copy, or look at the servers themselves";
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

/// How each record begins, and the first one.
const BEGINNING: &[u8] = br#"{"v":"#;
const FIRST: &[u8] = br#"{"v":1,"seq":0,"#;

/// Whether this, which does not begin with a whole line, can be what is left of a single one.
fn is_one_line(tail: &[u8]) -> bool {
    let times = |what: &[u8]| {
        tail.windows(what.len())
            .filter(|window| *window == what)
            .count()
    };
    // The first may be whole but for its newline.
    let whole = tail.split(|byte| *byte == b'\n').skip(1).any(is_whole);
    if whole || times(MARKER) > 1 || times(BEGINNING) > 1 {
        return false;
    }
    // A byte of it may have become a newline; then neither part is an object.
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

/// Whether this can be what is left of the first line of a journal, which says what the run is: then it sent nothing.
fn is_torn_beginning(tail: &[u8]) -> bool {
    let begins = tail.starts_with(FIRST) || FIRST.starts_with(tail);
    // Or a block of it that was never written.
    let is_hole = tail.starts_with(b"\0");
    (begins || is_hole) && is_one_line(tail)
}

/// The version that the beginning of a line names.
fn version(line: &[u8]) -> Option<u64> {
    let line = line.strip_prefix(br#"{"v":"#)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[..digits]).ok()?.parse().ok()
}

fn too_new() -> JournalError {
    let message = format!(
        "it was written by a later version of this program: this one knows journals of version {}",
        Entry::VERSION
    );
    JournalError::new(JournalErrorKind::TooNew, message)
}

/// Reads a line that is whole.
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
                        "it is whole, and this program does not understand it ({error}): resume it with the program \
                         that wrote it"
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
            "it is record {} where {seq} should be: lines were lost, or come from elsewhere; restore the file from a copy",
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
