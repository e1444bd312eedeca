//! CSV whose first line names the columns.

use csv::{ReaderBuilder, StringRecord};
use ecs_ops::selection::ServerRef;

use super::{Found, Position, Problem, Refusal, ServerEntry, server_of};

/// The names of the column of ids, in upper or lower case.
const ID_COLUMNS: [&str; 7] = [
    "id",
    "server id",
    "server_id",
    "instance id",
    "instance_id",
    "resource_id",
    "uuid",
];
/// The names of the column of names, the most exact one last.
const NAME_COLUMNS: [&str; 4] = ["name", "server name", "server_name", "instance_name"];
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// Returns whether a line names the columns of a CSV file, with one of ids or names.
pub(super) fn has_header(line: &str) -> bool {
    line.split(delimiter_of(line)).any(|field| {
        let field = field.trim().trim_matches('"');
        is_one_of(field, &ID_COLUMNS) || is_one_of(field, &NAME_COLUMNS)
    })
}

fn delimiter_of(line: &str) -> char {
    let count = |delimiter: &char| line.matches(*delimiter).count();
    let mut best = DELIMITERS[0];
    for delimiter in DELIMITERS {
        if count(&delimiter) > count(&best) {
            best = delimiter;
        }
    }
    best
}

fn is_one_of(field: &str, names: &[&str]) -> bool {
    let field = field.trim();
    names.iter().any(|name| field.eq_ignore_ascii_case(name))
}

/// Parses the column of ids, or of names if there is none.
pub(super) fn read(text: &str) -> Result<Found, Refusal> {
    let header = text.lines().find(|line| !line.trim().is_empty());
    let delimiter = u8::try_from(delimiter_of(header.unwrap_or_default())).unwrap_or(b',');
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let Some((index, column)) = column_of(&header) else {
        let columns: Vec<&str> = header.iter().collect();
        return Err(Refusal::one(
            Position::START,
            format!(
                "no column is called ID or Name; the columns are: {}",
                columns.join(", ")
            ),
        )
        .hint("name the columns in the first line, such as ID,Name,Status"));
    };
    if let Some(position) = open_quote(text) {
        return Err(Refusal::one(
            position,
            "the quote that begins here is not closed: all that follows would be one field",
        ));
    }
    let is_id_column = is_one_of(&column, &ID_COLUMNS);
    let name_index = if is_id_column {
        name_column(&header)
    } else {
        None
    };
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let position = position_of(&record, index);
        match record.get(index).map(str::trim) {
            Some(field) if !field.is_empty() => match server_of(field) {
                Ok(ServerRef::Name(name)) if is_id_column => problems.push(Problem::new(
                    position,
                    format!("{column:?} is {name:.80?}, which is not the id of a server"),
                )),
                Ok(server) => {
                    let name = name_index.and_then(|index| record.get(index));
                    entries.push(ServerEntry::new(server, position).with_name(name));
                }
                Err(message) => problems.push(Problem::new(position, message)),
            },
            _ if record.iter().all(|field| field.trim().is_empty()) => {}
            _ => problems.push(Problem::new(
                position,
                format!("the column {column:?} is empty in this row"),
            )),
        }
    }
    if problems.is_empty() {
        Ok((format!("CSV, column {column:?}"), entries))
    } else {
        Err(Refusal::new(problems))
    }
}

/// Returns the column to read, with its name in the file.
fn column_of(header: &StringRecord) -> Option<(usize, String)> {
    [&ID_COLUMNS[..], &NAME_COLUMNS[..]]
        .into_iter()
        .find_map(|names| header.iter().position(|field| is_one_of(field, names)))
        .map(|index| {
            (
                index,
                header.get(index).unwrap_or_default().trim().to_owned(),
            )
        })
}

/// Returns the column of the names beside the ids: the one that is called most exactly so.
fn name_column(header: &StringRecord) -> Option<usize> {
    NAME_COLUMNS
        .iter()
        .rev()
        .find_map(|name| header.iter().position(|field| is_one_of(field, &[name])))
}

/// Returns the line with a quote that is never closed.
fn open_quote(text: &str) -> Option<Position> {
    let mut opened = None;
    for (index, line) in text.lines().enumerate() {
        if line.matches('"').count() % 2 == 1 {
            opened = match opened {
                None => Some(index + 1),
                Some(_) => None,
            };
        }
    }
    opened.map(|line| Position { line, column: 1 })
}

/// Returns the position of a field, if no field before it contains quotes.
fn position_of(record: &StringRecord, index: usize) -> Position {
    let line = record.position().map_or(1, csv::Position::line);
    let before = record
        .iter()
        .take(index)
        .map(|field| field.chars().count() + 1);
    Position {
        line: usize::try_from(line).unwrap_or(usize::MAX),
        column: before.sum::<usize>() + 1,
    }
}

fn broken(error: &csv::Error) -> Refusal {
    let line = error.position().map_or(1, csv::Position::line);
    let position = Position {
        line: usize::try_from(line).unwrap_or(usize::MAX),
        column: 1,
    };
    Refusal::one(position, format!("this is not CSV: {error}"))
}
