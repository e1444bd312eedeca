//! A plan is applied once: the journal beside it, the store, and a marker in the folder for journals show that it was.

use std::io;
use std::path::Path;

use crate::args::{Apply, Global};
use crate::command_line::CommandLine;
use crate::fail::CliError;
use crate::journals::Journals;
use crate::next_step::NextStep;
use crate::plan_file::{AppliedPlan, PlanFile, read_store_note, store_note};
use crate::plan_marker::{MarkedRun, PlanMarker};
use crate::store::Store;
use crate::term::Printer;

/// The hint for a plan that was applied.
const NEW_PLAN: &str = "for another run make a new plan";

/// Refuses a plan that was applied before. Returns its marker; `None` if there is no folder for it.
pub(super) async fn check(
    args: &Apply,
    file: &PlanFile,
    store: Option<&Store>,
    global: &Global,
    printer: &Printer,
) -> Result<Option<PlanMarker>, CliError> {
    let journal = file.journal_path(&args.plan);
    let run_id = file.hash.run_id();
    let in_this_store = store.map(|store| store_note(&run_id, store.address()));
    // The store knows whether the run began.
    let is_of_store = |note: &str| in_this_store.as_deref().map(str::trim_end) == Some(note);
    if journal.exists() {
        let Some(note) = read_store_note(&journal) else {
            return Err(applied(&journal.display(), &journal, global));
        };
        if !is_of_store(&note) {
            return Err(applied_with(&note, &journal));
        }
    }
    if let Some(store) = store
        && store.has(&run_id).await?
    {
        let place = format!("in the store {}, as run {run_id}", store.address());
        return Err(applied(&place, Path::new(&run_id), global));
    }
    let marker = marker(args, file, store, global, printer)?;
    if let Some(marker) = &marker {
        match marker.read().map_err(|error| unreadable(marker, &error))? {
            Some(MarkedRun::Store(note)) if is_of_store(&note) => {}
            Some(run) => return Err(marked(marker, &run, global)),
            None => {}
        }
    }
    Ok(marker)
}

/// Returns the marker of a plan. Without a folder for journals a plan is not applied, as a run without `--journal` does
/// not begin; a store, a simulated run and a dry run need none.
fn marker(
    args: &Apply,
    file: &PlanFile,
    store: Option<&Store>,
    global: &Global,
    printer: &Printer,
) -> Result<Option<PlanMarker>, CliError> {
    match Journals::prepared(global, args.dry_run, printer) {
        Ok(journals) => Ok(Some(journals.plan_marker(file.hash.digits()))),
        Err(fail) if store.is_some() || global.sim || args.dry_run => {
            printer.warn(&format!(
                "{}: a copy of this plan in another folder is not known to be applied",
                fail.message
            ));
            Ok(None)
        }
        Err(fail) => Err(CliError::usage(format!("{}; nothing was sent", fail.message)).hint(
            "a note there keeps copies of the plan from being applied again: name a folder for journals with ECSCTL_JOURNAL_DIR, or \
             with XDG_STATE_HOME one for state",
        )),
    }
}

/// Marks a plan as applied by this run, before anything is sent.
pub(in crate::commands) fn mark(
    planned: &AppliedPlan,
    run: &MarkedRun,
    global: &Global,
) -> Result<(), CliError> {
    let Some(marker) = &planned.marker else {
        return Ok(());
    };
    let Err(error) = marker.create(run) else {
        return Ok(());
    };
    if error.kind() != io::ErrorKind::AlreadyExists {
        return Err(unwritable(marker.path(), &error)
            .hint("make room there, or name another folder with ECSCTL_JOURNAL_DIR"));
    }
    match marker.read().map_err(|error| unreadable(marker, &error))? {
        // An earlier try with the same store, which did not begin.
        Some(known) if known == *run && matches!(run, MarkedRun::Store(_)) => Ok(()),
        known => {
            let known = known.unwrap_or(MarkedRun::Unknown);
            Err(marked(marker, &known, global))
        }
    }
}

/// The note that the plan is applied cannot be written.
pub(in crate::commands) fn unwritable(path: &Path, error: &io::Error) -> CliError {
    let path = path.display();
    CliError::usage(format!(
        "cannot write {path}, which notes that the plan is applied: {error}; nothing was sent"
    ))
}

fn unreadable(marker: &PlanMarker, error: &io::Error) -> CliError {
    let path = marker.path().display();
    CliError::usage(format!(
        "cannot read {path}, which notes whether the plan was applied: {error}; nothing was sent"
    ))
}

/// The plan was applied before, by its marker.
fn marked(marker: &PlanMarker, run: &MarkedRun, global: &Global) -> CliError {
    let path = marker.path().display();
    let delete =
        || format!("{NEW_PLAN}; if that run did not begin, delete {path} and apply the plan again");
    match run {
        MarkedRun::Journal(journal) if journal.exists() => {
            applied(&journal.display(), journal, global)
        }
        MarkedRun::Journal(journal) => CliError::usage(format!(
            "the plan was applied before: its journal was {}, which is gone; nothing was sent",
            journal.display()
        ))
        .hint(delete()),
        MarkedRun::Store(note) => applied_with(note, marker.path()),
        MarkedRun::Unknown => CliError::usage(format!(
            "the plan was applied before, by {path}, which does not name the run; nothing was sent"
        ))
        .hint(delete()),
    }
}

/// The plan was applied before; `named` is its journal, as `resume` takes it.
fn applied(place: &dyn std::fmt::Display, named: &Path, global: &Global) -> CliError {
    let mut options = CommandLine::default();
    options.store(global);
    let resume = NextStep::resume("to continue that run", named, &options);
    CliError::usage(format!(
        "the plan was applied before: its journal is {place}; nothing was sent"
    ))
    .hint(NEW_PLAN)
    .next(resume)
}

/// The plan was applied before with a store, by a note in this file.
fn applied_with(note: &str, path: &Path) -> CliError {
    let path = path.display();
    CliError::usage(format!(
        "the plan was applied before, as {note}; nothing was sent"
    ))
    .hint(format!(
        "{NEW_PLAN}; if that store has no such run, delete {path} and apply the plan again"
    ))
}
