//! Text lines: an id or a name each, ids with commas, or an id and further columns.

use ecs_ops::selection::ServerRef;

use super::{Found, Position, Problem, Refusal, ServerEntry, server_of};

/// The hint for lines that do not begin with an id.
const ID_FIRST: &str = "write only the ids, one a line: openstack server list -f value -c ID";

/// Parses lines. Blank lines and comments after `#` are skipped.
pub(super) fn read(text: &str) -> Result<Found, Refusal> {
    let lines: Vec<Line<'_>> = content(text);
    if let Some(id) = shown_server(&lines) {
        return Ok(("values of openstack server show".to_owned(), vec![id]));
    }
    let mut reader = LineReader::default();
    let rows = match lines.split_first() {
        Some((first, rows)) if is_header(first, rows) => {
            reader.names = NameColumn::of(first.text);
            rows
        }
        _ => &lines,
    };
    rows.iter().for_each(|line| reader.line(line));
    if !reader.problems.is_empty() {
        let refusal = Refusal::new(reader.problems);
        return Err(match reader.hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        });
    }
    let description = if reader.has_columns {
        "lines that begin with an id"
    } else {
        "ids or names, one a line"
    };
    Ok((description.to_owned(), reader.entries))
}

/// A line without its comment and surrounding space.
struct Line<'a> {
    position: Position,
    text: &'a str,
    /// `true` if the text ended at a `#`, which may be a character of a name.
    has_comment: bool,
}

fn content(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let has_comment = line.contains('#');
        let line = line.split('#').next().unwrap_or_default();
        let trimmed = line.trim();
        if !trimmed.is_empty() {
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            let position = Position {
                line: index + 1,
                column: indent + 1,
            };
            lines.push(Line {
                position,
                text: trimmed,
                has_comment,
            });
        }
    }
    lines
}

/// Returns whether the first line names columns: `ID` alone above ids, or `ID NAME …`.
fn is_header(first: &Line<'_>, rows: &[Line<'_>]) -> bool {
    let mut tokens = first.text.split_whitespace();
    let begins_with_id = tokens
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("id"));
    begins_with_id
        && rows
            .iter()
            .all(|row| row.text.split_whitespace().next().is_some_and(is_id))
}

/// Returns a text for an error, without the value of `NAME=VALUE` and `name: value`, because a wrong file may contain
/// secrets.
fn without_value(text: &str) -> String {
    let equals = text.find('=');
    let colon = text.find(": ").map(|at| at + 1);
    match equals.into_iter().chain(colon).min() {
        Some(at) => format!("{}…", text.get(..=at).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

fn is_id(word: &str) -> bool {
    matches!(word.parse(), Ok(ServerRef::Id(_)))
}

/// Returns the server of `openstack server show -f value`, which prints values without names. The first value is the
/// disk configuration, and only the id is a UUID.
fn shown_server(lines: &[Line<'_>]) -> Option<ServerEntry> {
    const FEWEST_VALUES: usize = 10;
    let first = lines.first()?;
    if lines.len() < FEWEST_VALUES || !matches!(first.text, "MANUAL" | "AUTO") {
        return None;
    }
    let mut ids = lines.iter().filter(|line| is_id(line.text));
    let (id, another) = (ids.next()?, ids.next());
    let server = server_of(id.text).ok()?;
    another
        .is_none()
        .then(|| ServerEntry::new(server, id.position))
}

/// The column of names of a table, as `ecsctl server list` prints it: cells are separated by at least two spaces.
#[derive(Clone, Copy)]
struct NameColumn {
    index: usize,
    columns: usize,
}

impl NameColumn {
    fn of(header: &str) -> Option<Self> {
        let index = cells(header).position(|cell| cell.eq_ignore_ascii_case("name"))?;
        Some(Self {
            index,
            columns: cells(header).count(),
        })
    }

    /// Returns the name in a row; `None` if its cells cannot be told apart, or the server has no name (`-`).
    fn name_in<'a>(self, row: &Line<'a>) -> Option<&'a str> {
        if row.has_comment || cells(row.text).count() != self.columns {
            return None;
        }
        cells(row.text).nth(self.index).filter(|name| *name != "-")
    }
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
}

#[derive(Default)]
struct LineReader {
    entries: Vec<ServerEntry>,
    problems: Vec<Problem>,
    hint: Option<&'static str>,
    has_columns: bool,
    names: Option<NameColumn>,
}

impl LineReader {
    fn line(&mut self, line: &Line<'_>) {
        let mut tokens = line.text.split_whitespace();
        let first = tokens.next().unwrap_or_default();
        match tokens.next() {
            // A line of ids only: each one is a server.
            Some(_) if line.text.split_whitespace().all(is_id) => self.ids(line),
            // Further columns may contain anything, commas too.
            Some(_) if is_id(first) => {
                self.has_columns = true;
                self.server(line.position, first);
                let name = self.names.and_then(|names| names.name_in(line));
                if let Some(entry) = self.entries.last_mut() {
                    entry.set_name(name);
                }
            }
            _ if line.text.contains(',') => self.parted_by_commas(line),
            None => self.server(line.position, first),
            Some(_) if line.text.split_whitespace().any(is_id) => {
                self.hint = Some(ID_FIRST);
                self.problem(line, "the id is not the first word of this line");
            }
            Some(_) => self.problem(line, "this line has several words, and none is an id"),
        }
    }

    fn ids(&mut self, line: &Line<'_>) {
        for word in line.text.split_whitespace() {
            self.server(line.position, word);
        }
    }

    fn parted_by_commas(&mut self, line: &Line<'_>) {
        let parts = line.text.split(',').map(str::trim);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let ids = parts.iter().filter(|part| is_id(part)).count();
        if ids != 0 && ids != parts.len() {
            self.hint = Some(
                "if the file is CSV, its first line must name the columns, such as ID,Name,Status",
            );
            self.problem(
                line,
                "this line has ids and other words, separated by commas",
            );
            return;
        }
        let mut column = line.position.column;
        for part in line.text.split(',') {
            let indent = part.chars().take_while(|c| c.is_whitespace()).count();
            let position = Position {
                line: line.position.line,
                column: column + indent,
            };
            if !part.trim().is_empty() {
                self.server(position, part.trim());
            }
            column += part.chars().count() + 1;
        }
    }

    fn server(&mut self, position: Position, text: &str) {
        const NOT_IN_NAMES: [char; 11] = ['{', '}', '[', ']', '<', '>', '"', '|', '\\', '=', ' '];
        if text.contains(NOT_IN_NAMES) {
            let message = format!("{:.80?} is neither an id nor a name", without_value(text));
            self.problems.push(Problem::new(position, message));
            return;
        }
        match server_of(text) {
            Ok(server) => self.entries.push(ServerEntry::new(server, position)),
            Err(message) => self.problems.push(Problem::new(position, message)),
        }
    }

    fn problem(&mut self, line: &Line<'_>, message: &str) {
        let message = format!("{message}: {:.80?}", without_value(line.text));
        self.problems.push(Problem::new(line.position, message));
    }
}
