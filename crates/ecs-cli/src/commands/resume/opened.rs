//! The opened journal of a resumed run, from its file or the store, with the state from its records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecs_ops::journal::{
    Contents, Invocation, Journal, JournalError, JournalErrorKind, JsonlJournal, OutcomeKind,
    Record, Recovered,
};
use jiff::Timestamp;

use crate::args::{Global, Resume};
use crate::commands::outcome_times::OutcomeTimes;
use crate::commands::run_list::begun_by;
use crate::confirm::counted;
use crate::fail::{CliError, chain};
use crate::journals;
use crate::store::{self, Store};
use crate::term::Printer;

/// A run from its journal.
pub(super) struct OpenedRun {
    /// The file of the journal, or the id of the run in the store.
    pub(super) path: PathBuf,
    /// `None` if the journal is only read, or in the store, where the run is taken over after all other checks.
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) recovered: Recovered,
    /// The times at which final outcomes became known.
    pub(super) times: OutcomeTimes,
    /// The time of the last record.
    pub(super) last: Option<Timestamp>,
    /// The last process of the run.
    pub(super) by: Option<Invocation>,
}

impl OpenedRun {
    pub(super) async fn open(
        args: &Resume,
        global: &Global,
        store: Option<&Store>,
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let path = match store {
            Some(_) => args.journal.clone(),
            None => journals::resolve(&args.journal, global)?,
        };
        let (journal, contents) = match store {
            Some(store) => {
                let contents = store.records(&args.journal.to_string_lossy()).await?;
                (None, contents)
            }
            None => open(&path, args.dry_run)?,
        };
        if let Some(tail) = contents.tail {
            printer.note(&format!(
                "line {} of the journal is incomplete ({} bytes) and was removed: the run was killed while writing it",
                tail.line, tail.bytes
            ));
        }
        let (last, by) = last_record(&contents);
        let times = times_of_outcomes(&contents);
        Ok(Self {
            path,
            journal,
            recovered: recover(contents)?,
            times,
            last,
            by,
        })
    }
}

/// Returns the store that has the run, if it is in one.
pub(super) async fn store_of(args: &Resume, global: &Global) -> Result<Option<Store>, CliError> {
    if store::has_run(global, &args.journal) {
        return Store::open(global).await;
    }
    if args.take_over {
        return Err(CliError::usage("--take-over is for a run in a store").hint(
            "a journal in a file belongs to its process as long as that lives: stop the process first",
        ));
    }
    Ok(None)
}

/// The journal (`None` if it is only read) and its records.
type Opened = (Option<Arc<dyn Journal>>, Contents);

/// Opens the journal for writing, or only reads it.
fn open(path: &Path, only_read: bool) -> Result<Opened, CliError> {
    if only_read {
        let contents = JsonlJournal::read(path).map_err(|error| fail(&error))?;
        return Ok((None, contents));
    }
    let (journal, contents) = JsonlJournal::open(path).map_err(|error| {
        let known = JsonlJournal::read(path).ok();
        let by = known.and_then(|contents| last_record(&contents).1);
        match (error.kind(), by) {
            (JournalErrorKind::InUse, Some(by)) => fail(&error).hint(format!(
                "{by} runs it: wait until that process has ended, or stop it"
            )),
            _ => fail(&error),
        }
    })?;
    Ok((Some(Arc::new(journal)), contents))
}

/// Returns the time of the last record and the last process of the run.
fn last_record(contents: &Contents) -> (Option<Timestamp>, Option<Invocation>) {
    let last = contents.entries.last().map(|entry| entry.at);
    let by = begun_by(contents).and_then(|(_, by)| by);
    (last, by)
}

/// Returns the times at which final outcomes became known.
fn times_of_outcomes(contents: &Contents) -> OutcomeTimes {
    let mut times = OutcomeTimes::default();
    for entry in &contents.entries {
        let Record::Outcomes { servers } = &entry.record else {
            continue;
        };
        let is_final = |outcome| matches!(outcome, OutcomeKind::Succeeded | OutcomeKind::Failed);
        for server in servers.iter().filter(|server| is_final(server.outcome)) {
            times.note(server.id, entry.at);
        }
    }
    times
}

/// Takes the run over and returns its journal and the state from its records.
pub(super) async fn take_over(
    store: &Store,
    args: &Resume,
    shown: &Recovered,
    printer: &Printer,
) -> Result<(Arc<dyn Journal>, Recovered), CliError> {
    let (journal, contents) = store.resume(&shown.run().run_id, args.take_over).await?;
    let recovered = recover(contents)?;
    if recovered.unsent().len() != shown.unsent().len() {
        printer.note(&format!(
            "the run continued meanwhile: {} left to send",
            counted(recovered.unsent().len())
        ));
    }
    Ok((journal, recovered))
}

fn recover(contents: Contents) -> Result<Recovered, CliError> {
    Recovered::from_entries(contents.entries).map_err(|error| fail(&error))
}

/// Returns the error for a journal that cannot be used, with a hint.
pub(in crate::commands) fn fail(error: &JournalError) -> CliError {
    let fail = CliError::usage(chain(error));
    match error.kind() {
        JournalErrorKind::InUse => fail.hint("wait for the other process to end, or stop it"),
        JournalErrorKind::Exists => {
            fail.hint("a new run needs a new file")
        }
        JournalErrorKind::Damaged | JournalErrorKind::Contradiction => fail.hint(
            "nothing was sent, because continuing could act on servers twice. Check the servers, and start a new run with those that need it",
        ),
        _ => fail,
    }
}
