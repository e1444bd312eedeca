//! Reports as CSV and as lists of ids.

use ecs_ops::{Report, ServerReport};

use super::table;
use crate::args::Show;
use crate::term::clean;

const HEADER: [&str; 9] = [
    "id",
    "name",
    "outcome",
    "at",
    "job_id",
    "code",
    "message",
    "hard_restart",
    "note",
];

/// Formats a header and a line for each server.
pub(crate) fn report(report: &Report, show: Show) -> String {
    servers(chosen(report, show))
}

/// Formats a header and a line for each of these servers.
pub(crate) fn servers<'a>(servers: impl Iterator<Item = &'a ServerReport>) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let rows = servers.map(row);
    let header = HEADER.map(str::to_owned);
    for row in std::iter::once(header).chain(rows) {
        // Writing to memory does not fail.
        let _ = writer.write_record(row);
    }
    let written = writer.into_inner().unwrap_or_default();
    String::from_utf8(written).unwrap_or_default()
}

/// Formats the ids, one per line.
pub(crate) fn ids(report: &Report, show: Show) -> String {
    chosen(report, show)
        .map(|server| format!("{}\n", server.id))
        .collect()
}

fn chosen(report: &Report, show: Show) -> impl Iterator<Item = &ServerReport> {
    let servers = report.servers.iter();
    servers.filter(move |server| match show {
        Show::Summary | Show::All => true,
        Show::Failed => server.outcome.name() != "succeeded",
        Show::None => false,
    })
}

fn row(server: &ServerReport) -> [String; 9] {
    let outcome = &server.outcome;
    let error = outcome.error();
    let code = error.and_then(|error| error.code.as_ref());
    [
        server.id.to_string(),
        server.name.as_deref().map(clean).unwrap_or_default(),
        outcome.name().to_owned(),
        server.at.map(|at| at.to_string()).unwrap_or_default(),
        outcome
            .job_id()
            .map(|id| clean(id.as_str()))
            .unwrap_or_default(),
        code.map(|code| clean(code.as_str())).unwrap_or_default(),
        error.map(|error| clean(&error.message)).unwrap_or_default(),
        server.escalated.is_some().to_string(),
        clean(&match error {
            Some(_) => server.note().unwrap_or_default(),
            None => table::reason_with_note(server),
        }),
    ]
}

#[cfg(test)]
mod tests;
