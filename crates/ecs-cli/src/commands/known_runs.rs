//! The runs of a server: from named journals and from the folder for journals.

use std::path::{Path, PathBuf};

use ecs_ops::journal::JsonlJournal;
use ecs_ops::model::ServerId;
use jiff::Timestamp;
use serde::Serialize;

use crate::fail::{CliError, chain};
use crate::journals::Journals;
use crate::render::timeline::Timeline;
use crate::term::{Printer, clean};

/// The most journals of the folder that are read, newest first.
const NEWEST: usize = 200;

/// A run that a server was part of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KnownRun {
    pub(crate) run_id: String,
    pub(crate) operation: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: Option<&'static str>,
    pub(crate) began: Timestamp,
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) journal: PathBuf,
}

/// The runs of journals, newest first.
#[derive(Debug, Default)]
pub(crate) struct KnownRuns(Vec<(PathBuf, Timeline)>);

impl KnownRuns {
    /// Reads these files, which must be journals, and the journals of the folder.
    pub(crate) fn read(
        files: &[PathBuf],
        folder: Option<&Journals>,
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let mut runs = Vec::new();
        for path in files {
            let run = timeline(path);
            let run = run.map_err(|reason| {
                CliError::usage(format!("journal {}: {reason}", path.display()))
            })?;
            runs.push((path.clone(), run));
        }
        let mut unread = 0_usize;
        let written = folder.map(|journals| journals.written_last(NEWEST));
        // Without a folder there are no journals.
        let written = written.and_then(Result::ok).unwrap_or_default();
        for path in written {
            match timeline(&path) {
                _ if files.contains(&path) => {}
                Ok(run) => runs.push((path, run)),
                Err(_) => unread += 1,
            }
        }
        if let (1.., Some(folder)) = (unread, folder) {
            let files = match unread {
                1 => "1 file".to_owned(),
                many => format!("{many} files"),
            };
            printer.warn(&format!(
                "{files} in {} cannot be read as journals",
                folder.folder().display()
            ));
        }
        runs.sort_by_key(|(_, run)| std::cmp::Reverse(run.began));
        Ok(Self(runs))
    }

    /// Returns the runs of a server of this project at this endpoint.
    pub(crate) fn of(&self, server: ServerId, project: &str) -> Vec<KnownRun> {
        let runs = self.0.iter().filter(|(_, run)| run.project_id == project);
        let known = |(path, run): &(PathBuf, Timeline)| {
            let found = run.servers.iter().find(|shown| shown.report.id == server)?;
            let outcome = &found.report.outcome;
            Some(KnownRun {
                run_id: run.run_id.clone(),
                operation: run.operation,
                kind: run.kind,
                began: run.began,
                outcome: outcome.name(),
                reason: outcome.error().map(ToString::to_string),
                journal: path.clone(),
            })
        };
        runs.filter_map(known).collect()
    }
}

fn timeline(path: &Path) -> Result<Timeline, String> {
    let contents = JsonlJournal::read(path).map_err(|error| chain(&error))?;
    Timeline::of(contents).map_err(|error| chain(&error))
}

/// Formats the runs of a server, one per line.
pub(crate) fn text(runs: &[KnownRun]) -> String {
    let line = |run: &KnownRun| {
        let kind = run.kind.map(|kind| format!(" {kind}"));
        let reason = run.reason.as_ref().map(|reason| format!(": {reason}"));
        let line = format!(
            "{:<20}{:.0} {}{}: {}{} ({})",
            "run",
            run.began,
            run.operation,
            kind.unwrap_or_default(),
            run.outcome.replace('_', " "),
            reason.unwrap_or_default(),
            run.journal.display()
        );
        clean(&line) + "\n"
    };
    runs.iter().map(line).collect()
}
