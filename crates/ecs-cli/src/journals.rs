//! The folder for journals, with a file for each run that has no `--journal`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ecs_ops::journal::JsonlJournal;
use jiff::Timestamp;
use serde::Deserialize;

use crate::args::Global;
use crate::fail::CliError;
use crate::folders::{self, NoFolder, create_private};
use crate::next_step::NextStep;
use crate::plan_marker::{MarkedRun, PlanMarker};
use crate::settings;
use crate::term::Printer;

/// The default time that the journal of an ended run is kept.
pub(crate) const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The name of the run that began last.
pub(crate) const LAST: &str = "last";

/// The folder for journals.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
}

impl Journals {
    /// Returns the folder of the settings, or the one in the user's state folder.
    pub(crate) fn of(global: &Global) -> Result<Self, CliError> {
        Self::within(global.settings.journal_dir.clone())
            .map_err(|reason| CliError::usage(format!("there is no folder for journals: {reason}")))
    }

    fn within(named: Option<PathBuf>) -> Result<Self, NoFolder> {
        let folder = match named {
            Some(folder) => folder,
            None => folders::state()?.join("runs"),
        };
        Ok(Self { folder })
    }

    /// Creates the folder and checks that files can be created in it.
    pub(crate) fn create(&self) -> io::Result<()> {
        create_private(&self.folder)?;
        // If that fails, the journal would fail too.
        tempfile_in(&self.folder)
    }

    /// Returns the folder, in which files can be created, after old journals are removed. A dry run changes nothing and
    /// needs only its path.
    pub(crate) fn prepared(
        global: &Global,
        is_dry_run: bool,
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let journals = Self::of(global)?;
        if is_dry_run {
            return Ok(journals);
        }
        journals.create().map_err(|error| {
            let folder = journals.folder().display();
            CliError::usage(format!("no journal can be written to {folder}: {error}"))
        })?;
        journals.prune(global.settings.journal_keep.unwrap_or(KEPT), printer);
        Ok(journals)
    }

    /// Returns the marker of the plan with this hash.
    pub(crate) fn plan_marker(&self, hash: &str) -> PlanMarker {
        PlanMarker::within(&self.folder, hash)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a run's journal.
    pub(crate) fn path(&self, run_id: &str) -> PathBuf {
        self.folder.join(format!("{run_id}.jsonl"))
    }

    /// Returns the journals with the start times of their runs, newest first.
    pub(crate) fn newest_first(&self) -> io::Result<Vec<(Timestamp, PathBuf)>> {
        let mut found = Vec::new();
        for path in self.files()? {
            if let Some(head) = Head::of(&path) {
                found.push((head.at, path));
            }
        }
        found.sort_by(|one, other| other.cmp(one));
        Ok(found)
    }

    /// Returns at most this many journals, those that were written last.
    pub(crate) fn written_last(&self, most: usize) -> io::Result<Vec<PathBuf>> {
        let written =
            |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let files = self.files()?.into_iter();
        let mut files: Vec<_> = files
            .filter_map(|path| Some((written(&path).ok()?, path)))
            .collect();
        files.sort_by_key(|(modified, _)| std::cmp::Reverse(*modified));
        files.truncate(most);
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = self.entries()?;
        files.retain(|path| is_journal(path));
        Ok(files)
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    /// Removes the journals of runs that ended longer ago than this, and markers of plans that were applied longer ago,
    /// except those of runs that did not end.
    pub(crate) fn prune(&self, keep: Duration, printer: &Printer) {
        let entries = self.entries().unwrap_or_default();
        for marker in entries.iter().filter_map(|path| PlanMarker::of_file(path)) {
            if is_older(marker.path(), keep.max(KEPT)) && !is_open(&marker) {
                marker.remove();
            }
        }
        for path in entries.into_iter().filter(|path| is_journal(path)) {
            if is_older(&path, keep)
                && has_ended(&path).unwrap_or(false)
                && JsonlJournal::is_in_use(&path).is_ok_and(|is_used| !is_used)
                && let Err(error) = std::fs::remove_file(&path)
            {
                printer.note(&format!(
                    "cannot remove the old journal {}: {error}",
                    path.display()
                ));
            }
        }
    }
}

fn is_journal(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("jsonl"))
}

/// Returns `true` if the run of a marked plan has not ended, as far as its journal shows.
fn is_open(marker: &PlanMarker) -> bool {
    match marker.read() {
        Ok(Some(MarkedRun::Journal(journal))) => {
            journal.exists() && !has_ended(&journal).unwrap_or(false)
        }
        Ok(_) => false,
        Err(_) => true,
    }
}

/// Returns `true` if a file was changed longer ago than this.
fn is_older(path: &Path, age: Duration) -> bool {
    let changed = std::fs::metadata(path).and_then(|known| known.modified());
    let before = SystemTime::now().checked_sub(age);
    before.is_some_and(|before| changed.is_ok_and(|changed| changed < before))
}

/// Finds a journal by its file, `last`, or the id of a run or its beginning.
pub(crate) fn resolve(named: &Path, global: &Global) -> Result<PathBuf, CliError> {
    let is_last = named == Path::new(LAST);
    let is_path = named.components().count() > 1 || named.extension().is_some();
    if !is_last && (is_path || named.is_file()) {
        return Ok(named.to_owned());
    }
    let journals = Journals::of(global)?;
    let folder = journals.folder().display().to_string();
    let failed = |error: io::Error| CliError::usage(format!("cannot read {folder}: {error}"));
    if is_last {
        let mut runs = journals.newest_first().map_err(failed)?.into_iter();
        let last = runs.next().map(|(_, path)| path);
        return last.ok_or_else(|| {
            CliError::usage(format!("there is no run in {folder}"))
                .hint("for a run with --journal FILE, name that file")
        });
    }
    let files = journals.files().map_err(failed)?;
    let name = named.to_string_lossy();
    let stem = |path: &Path| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let found: Vec<_> = files
        .into_iter()
        .filter(|path| stem(path).starts_with(&*name) && !name.is_empty())
        .collect();
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(CliError::usage(format!(
            "{}: there is neither such a file nor a run with this id in {folder}",
            named.display()
        ))
        .next(NextStep::list_runs("to see the runs"))),
        many => Err(
            CliError::usage(format!("{} runs begin with {name}", many.len()))
                .details(many.iter().map(|path| stem(path)).collect())
                .hint("give more of the id"),
        ),
    }
}

/// Returns `last` and the ids of the runs, newest first, for completions.
pub(crate) fn names() -> Vec<String> {
    let journals = Journals::within(settings::journal_dir());
    let runs = journals
        .ok()
        .and_then(|journals| journals.newest_first().ok());
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let ids = runs
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(_, path)| stem(path));
    std::iter::once(LAST.to_owned()).chain(ids).collect()
}

/// Reads the beginning of the first record.
#[derive(Deserialize)]
struct Head {
    at: Timestamp,
}

impl Head {
    fn of(path: &Path) -> Option<Self> {
        let mut line = String::new();
        BufReader::new(File::open(path).ok()?)
            .read_line(&mut line)
            .ok()?;
        serde_json::from_str(&line).ok()
    }
}

/// Returns whether the last record is the end of the run.
fn has_ended(path: &Path) -> io::Result<bool> {
    const TAIL: u64 = 4096;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let last = tail.trim_end().lines().next_back().unwrap_or_default();
    let line: Option<serde_json::Value> = serde_json::from_str(last).ok();
    Ok(line.is_some_and(|line| line.pointer("/record/kind") == Some(&"ended".into())))
}

/// Returns whether a file can be created in this folder.
fn tempfile_in(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".{}.probe", std::process::id()));
    File::create(&path)?;
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests;
