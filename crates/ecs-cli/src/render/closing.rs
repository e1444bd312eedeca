//! The end of a run as text: counts first, then the servers that did not succeed, grouped by reason. Pure.

use std::collections::HashMap;
use std::time::Duration;

use clap::builder::styling::AnsiColor;
use ecs_ops::{Report, ServerReport};
use jiff::SignedDuration;

use super::duration::to_tenths;
use super::table::{self, reason};
use super::text_table::TextTable;
use crate::args::Show;
use crate::confirm::counted;
use crate::screen::Screen;
use crate::term::clean;

/// The most servers of an outcome that are named, and the most of its reasons.
const NAMED: usize = 10;

/// The listed outcomes, the most urgent ones first.
const LISTED: [(&str, &str, AnsiColor); 4] = [
    ("unknown", "unknown", AnsiColor::Magenta),
    ("failed", "failed", AnsiColor::Red),
    ("not_attempted", "not attempted", AnsiColor::Yellow),
    ("running", "running", AnsiColor::Blue),
];

/// Formats the report as text.
pub(crate) fn closing(
    report: &Report,
    took: Option<Duration>,
    show: Show,
    screen: Screen,
) -> String {
    let mut text = String::new();
    for line in screen.wrapped(&headline(report, took), 0) {
        text.push_str(&paint_counts(&line, report, screen));
        text.push('\n');
    }
    text.push_str(&by_outcome(report.servers.iter(), show, screen));
    if show == Show::All {
        text.push('\n');
        text.push_str(&all(report, screen));
    }
    text
}

/// Lists the servers of each outcome that needs attention.
pub(crate) fn by_outcome<'a>(
    servers: impl Iterator<Item = &'a ServerReport> + Clone,
    show: Show,
    screen: Screen,
) -> String {
    let mut text = String::new();
    if show == Show::None {
        return text;
    }
    for (outcome, title, color) in LISTED {
        let these = servers.clone();
        let servers: Vec<&ServerReport> = these
            .clone()
            .filter(|server| server.outcome.name() == outcome)
            .collect();
        // If all servers are running, as with --no-wait, the first line has their number.
        let all_run = outcome == "running" && servers.len() == these.count();
        if servers.is_empty() || (all_run && show == Show::Summary) {
            continue;
        }
        let title = format!("{title}: {}", servers.len());
        text.push_str(&format!("\n{}\n", screen.paint(color, &title)));
        let most = if show == Show::Summary {
            NAMED
        } else {
            usize::MAX
        };
        list(&mut text, &servers, most, screen);
    }
    text
}

/// Formats the counts, such as `3 servers: 2 succeeded, 1 failed; 2 hard restarts; took 1 min 5 s`.
pub(crate) fn headline(report: &Report, took: Option<Duration>) -> String {
    let mut line = table::summary(report);
    match hard_restarts(report) {
        0 => {}
        1 => line.push_str("; 1 hard restart"),
        many => line.push_str(&format!("; {many} hard restarts")),
    }
    if let Some(took) = took.and_then(|took| SignedDuration::try_from(took).ok()) {
        line.push_str(&format!("; took {}", to_tenths(took)));
    }
    line
}

/// Counts the servers that were restarted hard because their soft restart failed.
pub(crate) fn hard_restarts(report: &Report) -> usize {
    let servers = report.servers.iter();
    servers.filter(|server| server.escalated.is_some()).count()
}

/// Formats the counts, in color where they need attention.
fn paint_counts(line: &str, report: &Report, screen: Screen) -> String {
    if !screen.color {
        return line.to_owned();
    }
    let summary = report.summary();
    let counts = [
        (summary.succeeded, "succeeded", AnsiColor::Green),
        (summary.failed, "failed", AnsiColor::Red),
        (summary.not_attempted, "not attempted", AnsiColor::Yellow),
        (summary.unknown, "unknown", AnsiColor::Magenta),
    ];
    let mut line = line.to_owned();
    for (count, outcome, color) in counts {
        if count > 0 {
            let plain = format!("{count} {outcome}");
            line = line.replacen(&plain, &screen.paint(color, &plain), 1);
        }
    }
    line
}

/// Lists servers by reason: each reason once, with a limit of servers and reasons.
fn list(text: &mut String, servers: &[&ServerReport], most: usize, screen: Screen) {
    let groups = by_reason(servers);
    let mut left = most;
    for (reason, members) in groups.iter().take(most) {
        let count = match members.len() {
            1 => String::new(),
            many => format!(" ({many} servers)"),
        };
        for line in screen.wrapped(&clean(&format!("{reason}{count}")), 2) {
            text.push_str(&line);
            text.push('\n');
        }
        let named = members.len().min(left);
        left -= named;
        let mut table = TextTable::bare(2);
        table.may_shrink(1);
        for server in members.iter().take(named) {
            table.row([
                server.id.to_string(),
                server.name.clone().unwrap_or_default(),
            ]);
        }
        for line in table
            .render(screen.width.map(|width| width.saturating_sub(4)))
            .lines()
        {
            text.push_str(&format!("    {line}\n"));
        }
        if members.len() > named {
            text.push_str(&format!("    and {} more\n", members.len() - named));
        }
    }
    let rest = groups.iter().skip(most);
    let (reasons, servers) = rest.fold((0, 0), |(reasons, servers), (_, members)| {
        (reasons + 1, servers + members.len())
    });
    if reasons > 0 {
        text.push_str(&format!(
            "  and {reasons} more reasons, of {}\n",
            counted(servers)
        ));
    }
}

/// Groups servers by reason, the most frequent reason first. Reasons that differ only in the id of the server are the
/// same.
fn by_reason<'a>(servers: &[&'a ServerReport]) -> Vec<(String, Vec<&'a ServerReport>)> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(String, Vec<&ServerReport>)> = Vec::new();
    for server in servers {
        let shown = reason_with_hard_restart(server);
        let general = shown.replace(&server.id.to_string(), "ID");
        let key = match request_of(&general) {
            Some(request) => general.replace(request, ""),
            None => general.clone(),
        };
        let at = *index.entry(key).or_insert_with(|| {
            groups.push((String::new(), Vec::new()));
            groups.len() - 1
        });
        if let Some((reason, members)) = groups.get_mut(at) {
            // The reason keeps the id as long as it has one server.
            *reason = if members.is_empty() {
                shown
            } else {
                naming_first_request(reason, general)
            };
            members.push(server);
        }
    }
    // Stable: equally frequent reasons stay in the order of the servers.
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    groups
}

/// Returns the request id in a reason.
fn request_of(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("(request ")?;
    rest.split_once(')').map(|(request, _)| request)
}

/// Merges the reason of another server of a group, whose request id differs.
fn naming_first_request(group: &str, reason: String) -> String {
    const OTHERS: &str = " and others";
    match (request_of(group), request_of(&reason)) {
        (Some(first), Some(this)) if first != this => {
            let first = first.strip_suffix(OTHERS).unwrap_or(first);
            reason.replace(this, &format!("{first}{OTHERS}"))
        }
        _ => reason,
    }
}

/// Returns the reason of an outcome, with a note if the server was restarted hard.
fn reason_with_hard_restart(server: &ServerReport) -> String {
    let reason = match server.outcome.error() {
        Some(error) => reason(error),
        None => "the job had not finished".to_owned(),
    };
    match server.escalated {
        Some(_) => format!("{reason} (after a hard restart)"),
        None => reason,
    }
}

/// Formats a row for each server.
fn all(report: &Report, screen: Screen) -> String {
    let mut table = TextTable::new(&["SERVER", "NAME", "OUTCOME", "JOB", "REASON"]);
    [1, 3, 4]
        .into_iter()
        .for_each(|column| table.may_shrink(column));
    for server in &report.servers {
        table.row([
            server.id.to_string(),
            server.name.clone().unwrap_or_default(),
            table::describe(&server.outcome).to_owned(),
            server
                .outcome
                .job_id()
                .map_or("-", |id| id.as_str())
                .to_owned(),
            table::reason_with_note(server),
        ]);
    }
    table.render(screen.width)
}

#[cfg(test)]
mod tests;
