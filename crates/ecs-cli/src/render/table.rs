//! Results for people.

use ecs_ops::{Outcome, Report, ServerReport};

use super::json::{DryRun, Request};
use super::target;
use crate::confirm::{WavesSaid, counted};
use crate::connect::Connection;
use crate::term::clean;

/// Rows in aligned columns. The last column is as wide as it needs to be.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let header = header.iter().map(ToString::to_string).collect();
        Self { rows: vec![header] }
    }

    /// What comes from the service is made safe to show.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (&width, cell) in widths.iter().zip(row) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The verdicts, and a line that sums them up.
pub(crate) fn report(report: &Report) -> String {
    let mut table = Table::new(&["SERVER", "OUTCOME", "JOB", "REASON"]);
    for server in &report.servers {
        let job = server
            .outcome
            .job_id()
            .map_or("-", |job_id| job_id.as_str());
        table.row([
            server.id.to_string(),
            words(&server.outcome).to_owned(),
            job.to_owned(),
            why(server),
        ]);
    }
    format!("{}\n{}\n", table.render(), summary(report))
}

/// Why it did not succeed, and what is unusual about how it ended.
pub(crate) fn why(server: &ServerReport) -> String {
    match (server.outcome.error(), server.note()) {
        (Some(error), Some(note)) => format!("{} ({note})", reason(error)),
        (Some(error), None) => reason(error),
        (None, note) => note.unwrap_or_default(),
    }
}

/// Why, with the code where it is not in the words already.
pub(crate) fn reason(error: &ecs_ops::Problem) -> String {
    match &error.code {
        Some(code) if !error.message.contains(code.as_str()) => {
            format!("{code}: {}", error.message)
        }
        _ => error.message.clone(),
    }
}

pub(crate) fn words(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::NotAttempted { .. } => "not attempted",
        outcome => outcome.name(),
    }
}

/// Such as `3 servers: 2 succeeded, 1 failed`.
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
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    format!("{}: {}", counted(summary.requested), counts.join(", "))
}

/// The requests that would be sent, or the waves that they would be sent in.
pub(crate) fn dry_run(
    plan: &DryRun<'_>,
    what: &str,
    servers: usize,
    connection: &Connection,
    waves: Option<&WavesSaid>,
) -> String {
    let table = match waves {
        Some(_) => by_wave(plan),
        None => by_request(plan),
    };
    let waves = waves.map_or_else(String::new, |waves| format!(" in {waves}"));
    let rows = target::rows(connection).into_iter();
    let place: String = rows
        .chain(plan.duration.rows())
        .map(|(label, value)| format!("  {label:<9} {}\n", clean(&value)))
        .collect();
    format!(
        "{}\n{what} {} at {}{waves}: nothing was sent (dry run)\n{place}",
        table.render(),
        counted(servers),
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
    fn columns_are_aligned_and_cells_are_safe() {
        let mut table = Table::new(&["A", "LONG", "C"]);
        assert!(table.is_empty());
        table.row(["1".to_owned(), "é".to_owned(), "\u{1b}[2J\nx".to_owned()]);
        assert!(!table.is_empty());
        assert_eq!(table.render(), "A  LONG  C\n1  é     \\u{1b}[2J\\nx\n");
    }
}
