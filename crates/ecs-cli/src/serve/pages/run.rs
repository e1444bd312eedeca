//! The page of one run: the content of `run show --html`, and the process of the run.

use std::sync::Arc;

use ecs_ops::store::{RunStatus, RunSummary};

use super::frame::Frame;
use super::when::when;
use crate::render::page::{Content, body, escape};
use crate::render::timeline::Timeline;
use crate::serve::hub::{Board, Shown};
use crate::serve::route::run_path;
use crate::serve::view::View;

/// The most rows of a page.
const MOST_ROWS: usize = 20_000;

/// Returns the shown parts of a run.
pub(in crate::serve) fn shown(run: &Arc<RunSummary>, timeline: Timeline, version: String) -> Shown {
    let mut content = Content::of(&timeline, &run.run_id);
    content.rows.truncate(MOST_ROWS);
    let mut parts = vec![("process", process(run))];
    parts.append(&mut content.parts);
    parts.push(("rest", rest(&timeline)));
    let rows = content.rows.into_iter();
    Shown {
        run: Arc::clone(run),
        title: content.title,
        view: Arc::new(View {
            version,
            parts,
            rows: rows.map(|(key, html)| (key, Arc::from(html))).collect(),
        }),
        timeline,
    }
}

/// Describes the process of the run.
fn process(run: &RunSummary) -> String {
    let RunSummary {
        user,
        host,
        pid,
        state,
        ..
    } = run;
    let mut text = format!(
        "<p><strong class=\"{0}\">{0}</strong>, began {1}, by {2} on {3} (process {pid})",
        state.name(),
        when(run.started_at, None),
        escape(user),
        escape(host),
    );
    if run.epoch > 1 {
        let times = match run.epoch - 1 {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        text.push_str(&format!(", taken over {times}"));
    }
    match state {
        RunStatus::Silent | RunStatus::Released => {
            text.push_str(&format!("; last seen {}", when(run.seen_at, None)));
        }
        _ => {}
    }
    text + "</p>"
}

/// Describes the servers without a row.
fn rest(timeline: &Timeline) -> String {
    match timeline.servers.len().saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!(
            "<p>{more} more servers are not listed here: <code>run show {} -o csv</code> lists all.</p>",
            escape(&timeline.run_id)
        ),
    }
}

/// Writes the page.
pub(in crate::serve) fn run(shown: &Shown, board: &Board, frame: &Frame<'_>) -> String {
    let id = escape(&shown.run.run_id);
    let html = format!(
        "<h1>{}</h1>\n<p>Run <code class=\"id\">{id}</code> <button type=\"button\" class=\"copy\" data-copy=\"{id}\" \
         aria-label=\"Copy the id of the run\" hidden>copy</button></p>\n{}",
        escape(&shown.title),
        body(
            true,
            &shown.view.parts,
            shown.view.rows.iter().map(|(_, row)| &**row)
        ),
    );
    let path = run_path(&shown.run.run_id);
    frame.live(
        &shown.title,
        board,
        &format!("{path}/events"),
        &shown.view,
        &html,
    )
}
