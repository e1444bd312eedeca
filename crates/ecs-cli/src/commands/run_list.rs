//! `run list`: the runs in the folder for journals or in the store.

use std::path::{Path, PathBuf};

use ecs_ops::journal::{Contents, Invocation, JsonlJournal, Record, RunRecord};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{Global, RunList, RunListFormat};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::journals::Journals;
use crate::render::duration::in_one_unit;
use crate::render::json;
use crate::render::text_table::{TextTable, stdout_width};
use crate::render::timeline::{Summary, Timeline};
use crate::store::Store;
use crate::term::{Printer, Results};

/// A row of the list.
#[derive(Debug, Serialize)]
struct Row {
    run_id: String,
    journal: PathBuf,
    state: RunListState,
    /// The process id of an active run.
    pid: Option<u32>,
    operation: &'static str,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    region: Option<String>,
    project_id: String,
    endpoint: String,
    simulated: bool,
    user: Option<String>,
    host: Option<String>,
    began: Timestamp,
    ended: Option<Timestamp>,
    age_seconds: i64,
    summary: Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum RunListState {
    /// Its process is alive.
    Active,
    /// The run ended with a report, and nothing is left to do.
    Ended,
    /// The run ended with a report before all servers were done. It can be resumed.
    Stopped,
    /// Its process was killed. It can be resumed.
    Interrupted,
}

impl RunListState {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }
}

pub(crate) fn run(
    args: &RunList,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let journals = Journals::of(global)?;
    let found = journals.newest_first().map_err(|error| {
        CliError::usage(format!(
            "cannot read {}: {error}",
            journals.folder().display()
        ))
    })?;
    let now = Timestamp::now();
    let mut rows = Vec::new();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut is_cut = false;
    for (_, path) in found {
        if rows.len() == limit {
            is_cut = true;
            break;
        }
        match row(&path, now) {
            Ok(Some(row)) => rows.push(row),
            // The run is about to begin, or never began.
            Ok(None) => {}
            Err(reason) => printer.warn(&format!("{}: {reason}", path.display())),
        }
    }
    results.write(&match args.format {
        RunListFormat::Json => {
            json::document(&serde_json::json!({"version": 1, "runs": rows, "truncated": is_cut}))
        }
        RunListFormat::Jsonl => rows.iter().map(json::line).collect(),
        RunListFormat::Id => rows.iter().map(|row| format!("{}\n", row.run_id)).collect(),
        RunListFormat::Table => table(&rows),
    });
    if is_cut {
        printer.note(&cut(args.limit));
    }
    if rows.is_empty() {
        printer.note(&format!(
            "there is no run in {}; runs with --journal FILE are not listed",
            journals.folder().display()
        ));
    }
    Ok(Exit::Success)
}

/// Returns the note about a truncated list.
fn cut(limit: u32) -> String {
    format!("only the latest {limit} runs are listed: use --limit N to list more")
}

/// Lists the runs in the store.
pub(crate) async fn stored(
    args: &RunList,
    store: &Store,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    // A run beyond the limit shows that the list is truncated.
    let mut runs = store.list(args.limit + 1).await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let is_cut = runs.len() > limit;
    runs.truncate(limit);
    let known = |run: &serde_json::Value, key: &str| match &run[key] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    results.write(&match args.format {
        RunListFormat::Json => {
            json::document(&serde_json::json!({"version": 1, "runs": runs, "truncated": is_cut}))
        }
        RunListFormat::Jsonl => runs.iter().map(json::line).collect(),
        RunListFormat::Id => {
            let ids = runs.iter().map(|run| known(run, "run_id"));
            ids.map(|id| format!("{id}\n")).collect()
        }
        RunListFormat::Table => {
            let columns = [
                "run_id",
                "state",
                "started_at",
                "operation",
                "project_id",
                "servers",
                "user",
                "host",
            ];
            let mut table = TextTable::new(&[
                "RUN", "STATE", "BEGAN", "ACTION", "PROJECT", "SERVERS", "USER", "HOST",
            ]);
            for run in &runs {
                table.row(columns.map(|key| known(run, key)));
            }
            table.render(stdout_width())
        }
    });
    if is_cut {
        printer.note(&cut(args.limit));
    }
    if runs.is_empty() {
        printer.note(&format!("there is no run in the store {}", store.address()));
    }
    Ok(Exit::Success)
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&[
        "RUN", "STATE", "BEGAN", "ACTION", "PLACE", "SERVERS", "OUTCOMES", "BY",
    ]);
    table.may_shrink(4);
    table.may_shrink(7);
    // The state and the outcomes are never cut. The beginning of the id is enough to name a run.
    table.may_vanish([7, 4, 5, 3, 2]);
    table.shrinks_last(0);
    for row in rows {
        let state = match row.pid {
            Some(pid) => format!("{} (pid {pid})", row.state.name()),
            None => row.state.name().to_owned(),
        };
        let kind = row.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
        let place = if row.simulated {
            "simulated".to_owned()
        } else {
            let region = row.region.as_ref().unwrap_or(&row.endpoint);
            format!("{region} {}", row.project_id)
        };
        table.row([
            row.run_id.clone(),
            state,
            format!("{} ago", in_one_unit(row.age_seconds)),
            format!("{}{kind}", row.operation),
            place,
            row.summary.requested.to_string(),
            row.summary.counts(),
            row.user.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.render(stdout_width())
}

fn row(path: &Path, now: Timestamp) -> Result<Option<Row>, String> {
    let contents = JsonlJournal::read(path).map_err(|error| crate::fail::chain(&error))?;
    let Some((run, invocation)) = begun_by(&contents) else {
        return Ok(None);
    };
    let timeline = Timeline::of(contents).map_err(|error| crate::fail::chain(&error))?;
    let is_active = JsonlJournal::is_in_use(path).unwrap_or(false);
    let left = timeline.summary.not_attempted + timeline.summary.running;
    let state = match (is_active, timeline.ended, left) {
        (true, ..) => RunListState::Active,
        (false, None, _) => RunListState::Interrupted,
        (false, Some(_), 0) => RunListState::Ended,
        (false, Some(_), _) => RunListState::Stopped,
    };
    let target = run.target.as_ref();
    let invocation = invocation.unwrap_or_default();
    Ok(Some(Row {
        run_id: timeline.run_id.clone(),
        journal: path.to_owned(),
        state,
        pid: invocation.pid.filter(|_| is_active),
        operation: timeline.operation,
        kind: timeline.kind,
        region: target.and_then(|target| Some(target.region.as_ref()?.value.clone())),
        project_id: timeline.project_id.clone(),
        endpoint: timeline.endpoint.clone(),
        simulated: run.simulated,
        user: invocation.user,
        host: invocation.host,
        began: timeline.began,
        ended: timeline.ended,
        age_seconds: now.duration_since(timeline.began).as_secs(),
        summary: timeline.summary,
    }))
}

/// Reads a run and its last process.
pub(super) fn begun_by(contents: &Contents) -> Option<(RunRecord, Option<Invocation>)> {
    let run = match &contents.entries.first()?.record {
        Record::Run(run) => RunRecord::clone(run),
        _ => return None,
    };
    let resumed = contents
        .entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.record {
            Record::Resumed { invocation, .. } => Some(invocation.clone()),
            _ => None,
        });
    let last = resumed.unwrap_or_else(|| run.invocation.clone());
    Some((run, last))
}
