//! The list of runs.

use std::sync::Arc;

use ecs_ops::store::RunStatus;
use jiff::Timestamp;

use super::frame::Frame;
use super::when::when;
use crate::confirm::counted;
use crate::render::page::{escape, strip};
use crate::serve::hub::{Board, Listed, Progress};
use crate::serve::route::run_path;
use crate::serve::view::View;

/// The states, the most urgent first; the id of the count of runs in each, and its meaning.
const STATES: [(RunStatus, &str, &str); 4] = [
    (
        RunStatus::Silent,
        "count-silent",
        "its process shows no sign of life: resume continues the run",
    ),
    (RunStatus::Running, "count-running", "its process is alive"),
    (
        RunStatus::Released,
        "count-released",
        "its process released it before the end: resume continues the run",
    ),
    (RunStatus::Ended, "count-ended", "has a complete report"),
];

const COLUMNS: [&str; 7] = ["Run", "State", "Action", "Progress", "By", "Where", "Began"];

/// Returns the parts of the list that change.
pub(in crate::serve) fn list_view(runs: &[Listed], is_cut: bool) -> View {
    let mut parts = vec![("summary", summary(runs, is_cut))];
    for (state, id, _) in STATES {
        let count = runs
            .iter()
            .filter(|listed| listed.run.state == state)
            .count();
        parts.push((id, count.to_string()));
    }
    let row = |listed: &Listed| (key(listed), Arc::from(row(listed, None)));
    View {
        version: String::new(),
        parts,
        rows: runs.iter().map(row).collect(),
    }
}

/// Writes the page.
pub(in crate::serve) fn list(board: &Board, frame: &Frame<'_>) -> String {
    let mut body = format!(
        "<h1>Runs</h1>\n<div id=\"summary\">{}</div>\n<fieldset class=\"only\"><legend>Show</legend>\
         <label><input type=\"radio\" name=\"only\" checked> all</label>",
        summary(&board.runs, board.is_cut)
    );
    for (state, id, meaning) in STATES {
        let part = board.view.parts.iter().find(|(part, _)| *part == id);
        let count = part.map_or("0", |(_, count)| count);
        let name = state.name();
        body.push_str(&format!(
            "<label title=\"{meaning}\"><input type=\"radio\" name=\"only\" id=\"state-{name}\"> <span id=\"{id}\">{count}</span> {name}</label>"
        ));
    }
    let columns: String = COLUMNS
        .iter()
        .map(|column| format!("<th scope=\"col\" role=\"columnheader\">{column}</th>"))
        .collect();
    body.push_str(&format!(
        "</fieldset>\n<table class=\"runs\" role=\"table\"><caption>Runs, the latest first</caption>\
         <thead role=\"rowgroup\"><tr role=\"row\">{columns}</tr></thead>\n<tbody id=\"rows\" role=\"rowgroup\">\n"
    ));
    for listed in &board.runs {
        body.push_str(&row(listed, Some(frame.now)));
    }
    body.push_str("</tbody></table>\n");
    frame.live("Runs", board, "/events", &board.view, &body)
}

fn summary(runs: &[Listed], is_cut: bool) -> String {
    if runs.is_empty() {
        return "<p class=\"sum\">There is no run in this store.</p>".to_owned();
    }
    let running = runs
        .iter()
        .filter(|listed| listed.run.state == RunStatus::Running)
        .count();
    let runs = match (runs.len(), is_cut) {
        (1, false) => "1 run".to_owned(),
        (1, true) => "The latest run".to_owned(),
        (many, false) => format!("{many} runs"),
        (many, true) => format!("The latest {many} runs"),
    };
    format!("<p class=\"sum\">{runs}, {running} running</p>")
}

/// Returns the id of a run's row.
fn key(listed: &Listed) -> String {
    format!("run-{}", listed.run.run_id)
}

/// Writes the row of a run. The cells repeat the names of the columns, for narrow windows.
fn row(listed: &Listed, now: Option<Timestamp>) -> String {
    let run = &listed.run;
    let (kind, progress) = progress(listed);
    let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    // Without its scheme, so that nothing makes a link of it.
    let endpoint = run.endpoint.split_once("://");
    let endpoint = endpoint.map_or(run.endpoint.as_str(), |(_, host)| host);
    let mut times = when(run.started_at, now);
    match (run.state, run.ended_at) {
        (RunStatus::Silent | RunStatus::Released, _) => {
            times.push_str(&format!("<br>last seen {}", when(run.seen_at, now)));
        }
        (_, Some(ended)) => times.push_str(&format!("<br>ended {}", when(ended, now))),
        _ => {}
    }
    let id = escape(&run.run_id);
    let cells = [
        (
            "id",
            format!(
                "<a href=\"{}\">{id}</a> <button type=\"button\" class=\"copy\" data-copy=\"{id}\" aria-label=\"Copy the id of the run {id}\" hidden>copy</button>",
                run_path(&run.run_id)
            ),
        ),
        ("o", run.state.name().to_owned()),
        (
            "",
            format!(
                "{}{}<br>{}",
                escape(&run.action),
                escape(&kind.to_lowercase()),
                counted(usize::try_from(run.servers).unwrap_or_default())
            ),
        ),
        ("progress", progress),
        (
            "",
            format!(
                "{}<br>{} (process {})",
                escape(&run.user),
                escape(&run.host),
                run.pid
            ),
        ),
        (
            "",
            format!(
                "{}<br>project {}",
                escape(endpoint),
                escape(&run.project_id)
            ),
        ),
        ("when", times),
    ];
    let cells: String = COLUMNS
        .iter()
        .zip(cells)
        .map(|(column, (class, cell))| {
            format!("<td role=\"cell\" class=\"{class}\" data-column=\"{column}\"><div>{cell}</div></td>")
        })
        .collect();
    format!(
        "<tr id=\"{}\" role=\"row\" class=\"run {}\">{cells}</tr>\n",
        escape(&key(listed)),
        run.state.name()
    )
}

/// Returns the type of the action, and its progress.
fn progress(listed: &Listed) -> (Option<&'static str>, String) {
    match &listed.progress {
        Progress::Unread => (None, "not read yet".to_owned()),
        Progress::Damaged(message) => (
            None,
            format!("its records cannot be read: {}", escape(message)),
        ),
        Progress::Known { summary, kind } => {
            let is_over = listed.run.state == RunStatus::Ended;
            let open = summary.running + summary.not_attempted;
            let rest: &[(usize, &str)] = if is_over {
                &[
                    (summary.running, "running"),
                    (summary.not_attempted, "not attempted"),
                ]
            } else {
                &[(open, "open")]
            };
            let done = [
                (summary.succeeded, "succeeded"),
                (summary.failed, "failed"),
                (summary.unknown, "unknown"),
            ];
            let counts: Vec<_> = done
                .iter()
                .chain(rest)
                .filter(|(count, _)| *count > 0)
                .map(|(count, text)| format!("{count} {text}"))
                .collect();
            (*kind, format!("{}{}", strip(summary), counts.join(", ")))
        }
    }
}
