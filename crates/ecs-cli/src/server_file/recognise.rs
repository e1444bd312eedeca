//! Recognition of formats.

use super::{FileFormat, Position, Problem, Refusal, table};

/// Returns the text of a file without a byte order mark.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Refusal> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Refusal::one(
            Position::START,
            "the file is UTF-16; lists of servers are read as UTF-8",
        )
        .hint("save it as UTF-8; in PowerShell: … | Out-File -Encoding utf8 FILE"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Refusal::one(
            Position::START,
            "the file is a spreadsheet or a ZIP archive",
        )
        .hint("save the spreadsheet as CSV (UTF-8) with a column ID"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = String::from_utf8_lossy(valid);
        Refusal::one(end_of(&before), "this byte is not UTF-8")
            .hint("save the file as UTF-8; a binary file is not a list of servers")
    })?;
    if let Some(index) = text.find('\0') {
        let before = text.get(..index).unwrap_or_default();
        return Err(Refusal::one(
            end_of(before),
            "the file is binary, not a list of servers",
        ));
    }
    Ok(text.trim_start_matches('\u{feff}'))
}

/// Returns the position after a text.
fn end_of(text: &str) -> Position {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position {
        line: text.matches('\n').count() + 1,
        column: last.chars().count() + 1,
    }
}

/// Returns the format of a text, or an error for a known format that cannot be read.
pub(super) fn format_of(text: &str) -> Result<FileFormat, Refusal> {
    let mut content = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let Some((index, first)) = content.next() else {
        return Ok(FileFormat::Lines);
    };
    let has_more_lines = content.next().is_some();
    let trimmed = first.trim();
    let refuse = |message: &str| {
        Refusal::new(vec![Problem::new(
            Position {
                line: index + 1,
                column: 1,
            },
            message,
        )])
    };
    match trimmed.chars().next() {
        Some('{' | '[') => {
            let is_whole = serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
            return Ok(if is_whole && has_more_lines {
                FileFormat::Jsonl
            } else {
                FileFormat::Json
            });
        }
        Some('"') if serde_json::from_str::<String>(text.trim()).is_ok() => {
            // A single line of CSV would be a header without rows.
            return Ok(FileFormat::Json);
        }
        Some('"') => return Ok(FileFormat::Csv),
        Some('-') if trimmed.starts_with("-----BEGIN ") => {
            return Err(refuse(
                "this is a key or a certificate, not a list of servers",
            ));
        }
        Some('<') => return Err(refuse("this is HTML or XML, not a list of servers")),
        Some('+') if trimmed.starts_with("+-") => {
            return Err(
                refuse("this is a table with borders, in which long values may be cut")
                    .hint("write the list with: openstack server list -f json, or -f value -c ID"),
            );
        }
        _ => {}
    }
    if is_assignment(trimmed) {
        return Err(refuse("these are shell variables, not a list of servers")
            .hint("write the server with: openstack server show NAME -f json"));
    }
    if trimmed.starts_with("- ") || trimmed == "---" || trimmed == "-" || is_yaml_member(first) {
        return Ok(FileFormat::Yaml);
    }
    if table::has_header(trimmed) {
        return Ok(FileFormat::Csv);
    }
    Ok(FileFormat::Lines)
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))
}

/// Returns whether a line is one of `openstack server show -f shell`: `id="…"`.
fn is_assignment(line: &str) -> bool {
    line.split_once("=\"")
        .is_some_and(|(name, _)| is_word(name))
}

/// Returns whether a line is a member of a YAML map: `name: value`, not indented.
fn is_yaml_member(line: &str) -> bool {
    let name = match line.trim_end().strip_suffix(':') {
        Some(name) => Some(name),
        None => line.split_once(": ").map(|(name, _)| name),
    };
    name.is_some_and(is_word)
}
