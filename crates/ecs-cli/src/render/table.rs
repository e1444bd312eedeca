//! Tables and counts as text.

use ecs_ops::{Outcome, Report, ServerReport};

use super::json::{DryRun, Request};
use super::target;
use crate::confirm::{WavesShown, counted, would};
use crate::connect::Connection;
use crate::term::{clean, clean_into};

/// A table of aligned columns. The last column is as wide as it needs to be.
///
/// All cells share one string, because a table may have 100,000 rows.
pub(crate) struct Table {
    cells: String,
    /// The ends of the cells.
    ends: Vec<u32>,
    /// The number of cells up to the end of each row.
    rows: Vec<u32>,
    /// The width of each column in characters.
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = Self {
            cells: String::new(),
            ends: Vec::new(),
            rows: Vec::new(),
            widths: vec![0; header.len()],
        };
        table.add(header.iter());
        table
    }

    /// Adds a row. Text from the service is escaped.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.add(cells.into_iter());
    }

    fn add(&mut self, cells: impl Iterator<Item = impl AsRef<str>>) {
        for (column, cell) in cells.enumerate() {
            let before = self.cells.len();
            clean_into(&mut self.cells, cell.as_ref());
            self.ends.push(stored(self.cells.len()));
            let cell = self.cells.get(before..).unwrap_or_default();
            let width = cell.chars().count();
            match self.widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => self.widths.push(width),
            }
        }
        self.rows.push(stored(self.ends.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.write(&mut |piece| text.push_str(piece));
        text
    }

    /// Hands the table over in pieces of whole lines, so that a large one is never in memory as a whole.
    pub(crate) fn write(&self, to: &mut dyn FnMut(&str)) {
        let mut text = String::new();
        let (mut begin, mut first) = (0, 0);
        for &last in &self.rows {
            let row_begins = text.len();
            let ends = self.ends.get(index(first)..index(last));
            for (&width, &end) in self.widths.iter().zip(ends.unwrap_or_default()) {
                let cell = self.cells.get(index(begin)..index(end)).unwrap_or_default();
                text.push_str(cell);
                let padding = width.saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', padding));
                text.push_str(GAP);
                begin = end;
            }
            let row = text.get(row_begins..).unwrap_or_default();
            text.truncate(row_begins + row.trim_end().len());
            text.push('\n');
            first = last;
            if text.len() >= PIECE {
                to(&text);
                text.clear();
            }
        }
        to(&text);
    }
}

/// The least length of a piece of a table, in bytes.
const PIECE: usize = 64 * 1024;

/// Converts a position. Beyond four gigabytes of text cells become empty.
fn stored(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn index(stored: u32) -> usize {
    usize::try_from(stored).unwrap_or(usize::MAX)
}

/// The space between two columns.
const GAP: &str = "  ";

/// Returns the reason why a server did not succeed, with its note.
pub(crate) fn reason_with_note(server: &ServerReport) -> String {
    match (server.outcome.error(), server.note()) {
        (Some(error), Some(note)) => format!("{} ({note})", reason(error)),
        (Some(error), None) => reason(error),
        (None, note) => note.unwrap_or_default(),
    }
}

/// Returns the message of an error, with the code unless the message has it.
pub(crate) fn reason(error: &ecs_ops::Problem) -> String {
    match &error.code {
        Some(code) if !error.message.contains(code.as_str()) => {
            format!("{code}: {}", error.message)
        }
        _ => error.message.clone(),
    }
}

pub(crate) fn describe(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::NotAttempted { .. } => "not attempted",
        outcome => outcome.name(),
    }
}

/// Formats the counts, such as `3 servers: 2 succeeded, 1 failed`.
pub(crate) fn summary(report: &Report) -> String {
    let summary = report.summary();
    let counts = [
        (summary.succeeded, "succeeded"),
        (summary.failed, "failed"),
        (summary.running, "running"),
        (summary.not_attempted, "not attempted"),
        (summary.unknown, "unknown"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, describe)| format!("{count} {describe}"))
        .collect();
    format!("{}: {}", counted(summary.requested), counts.join(", "))
}

/// Formats a dry run: its requests, or its waves.
pub(crate) fn dry_run(
    plan: &DryRun<'_>,
    action: &str,
    connection: &Connection,
    waves: Option<&WavesShown>,
) -> String {
    let table = match waves {
        Some(_) => by_wave(plan),
        None => by_request(plan),
    };
    let waves = waves.map_or_else(String::new, |waves| format!(" in {waves}"));
    let rows = target::rows(connection).into_iter();
    let place: String = rows
        .map(|(label, value)| format!("  {label:<9} {}\n", clean(&value)))
        .collect();
    format!(
        "{}\n{} at {}{waves}; nothing was sent\n{place}",
        table.render(),
        would(action),
        connection.place(),
    )
}

fn by_request(plan: &DryRun<'_>) -> Table {
    let mut table = Table::new(&["REQUEST", "SERVERS", "METHOD", "PATH", "FIRST SERVER"]);
    for (index, request) in plan.requests.iter().enumerate() {
        table.row([
            (index + 1).to_string(),
            request.servers.to_string(),
            request.method.clone(),
            request.path.clone(),
            request.first().to_owned(),
        ]);
    }
    table
}

fn by_wave(plan: &DryRun<'_>) -> Table {
    let mut table = Table::new(&["WAVE", "SERVERS", "REQUESTS", "FIRST SERVER"]);
    for requests in plan.requests.chunk_by(|one, next| one.wave == next.wave) {
        let wave = requests.first().and_then(|request| request.wave);
        let servers: usize = requests.iter().map(|request| request.servers).sum();
        table.row([
            wave.map_or_else(String::new, |wave| wave.to_string()),
            servers.to_string(),
            requests.len().to_string(),
            requests.first().map_or("", Request::first).to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_table_comes_in_pieces_of_whole_lines() {
        let mut table = Table::new(&["A", "B"]);
        for row in 0..20_000 {
            table.row([row.to_string(), "é".repeat(row % 7)]);
        }
        let mut pieces = Vec::new();
        table.write(&mut |piece| pieces.push(piece.to_owned()));
        assert!(pieces.len() > 2, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| piece.ends_with('\n')));
        assert!(pieces.iter().all(|piece| piece.len() < 2 * PIECE));
        let text = pieces.concat();
        assert_eq!(text, table.render());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..4], ["A      B", "0", "1      é", "2      éé"]);
        assert_eq!(lines.last(), Some(&"19999"));
    }

    #[test]
    fn columns_are_aligned_and_cells_are_safe() {
        let mut table = Table::new(&["A", "LONG", "C"]);
        assert!(table.is_empty());
        table.row(["1".to_owned(), "é".to_owned(), "\u{1b}[2J\nx".to_owned()]);
        assert!(!table.is_empty());
        assert_eq!(table.render(), "A  LONG  C\n1  é     \\u{1b}[2J\\nx\n");
    }
}
