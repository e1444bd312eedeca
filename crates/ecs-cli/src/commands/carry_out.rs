//! The phases that new and resumed runs share: a run is shown, registered, confirmed, given its journal, executed and
//! concluded.

use std::path::Path;

use ecs_ops::Plan;
use ecs_ops::journal::JsonlJournal;

use super::conclude::{Ending, conclude};
use super::execute::{Callbacks, Shown, execute, unless_stopped};
use super::journal_place::{Registered, register};
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::plan_marker::PlanMarker;
use crate::signals::Signals;
use crate::term::{Printer, Results};

/// A prepared run, from arguments or from its journal.
pub(super) trait PreparedRun<'a> {
    /// Returns the connection of the run.
    fn connection(&self) -> &'a Connection;

    /// Returns the output of a dry run; `None` if the run is to begin.
    fn dry_run(&self) -> Result<Option<String>, CliError>;

    /// Returns the registration of the run on this machine; `None` for a run in a store.
    fn registration(&mut self) -> Option<Registered<'_>>;

    /// Asks for confirmation; an answer other than yes is an error. Without a terminal the announcement is only
    /// printed.
    async fn confirm(&mut self, printer: &Printer) -> Result<(), CliError>;

    /// Attaches the journal, and frees the data of the question.
    async fn attach(self, printer: &Printer) -> Result<Attached<'a>, CliError>;
}

/// A run with its journal, ready to begin.
pub(super) struct Attached<'a> {
    pub(super) plan: Plan,
    pub(super) callbacks: Callbacks,
    pub(super) shown: Shown,
    pub(super) ending: Ending,
    /// The file of its journal, if the file was created for this run.
    pub(super) new_journal: Option<&'a Path>,
    /// The marker of the plan that the run applies.
    pub(super) marker: Option<&'a PlanMarker>,
}

/// Carries out a run, up to its report.
pub(super) async fn carry_out<'a>(
    mut run: impl PreparedRun<'a>,
    mut signals: Signals,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    if let Some(shown) = run.dry_run()? {
        results.write(&shown);
        return Ok(Exit::Success);
    }
    let connection = run.connection();
    let _active = match run.registration() {
        Some(registered) => register(registered, connection, printer).await?,
        None => None,
    };
    unless_stopped(&mut signals, run.confirm(printer)).await?;
    let Attached {
        plan,
        callbacks,
        shown,
        ending,
        new_journal,
        marker,
    } = run.attach(printer).await?;
    let ended = execute(plan, callbacks, shown, signals, printer, results).await;
    let ended = ended.map_err(|fail| match new_journal {
        Some(path) => without_plan(path, marker, fail),
        None => fail,
    })?;
    let exit = conclude(&ended, ending, printer, results);
    Ok(ended.exit(exit))
}

/// Removes an incomplete journal, with the marker of its plan, because the plan could not be written or the run did not
/// begin. The files would block the next try.
fn without_plan(path: &Path, marker: Option<&PlanMarker>, fail: CliError) -> CliError {
    let read = JsonlJournal::read(path);
    if read.is_ok_and(|contents| contents.entries.is_empty()) {
        // If the file remains, the next try reports it.
        let _ = std::fs::remove_file(path);
        marker.inspect(|marker| marker.remove());
    }
    if fail.hint.is_some() || fail.exit != Exit::Usage {
        return fail;
    }
    fail.hint("nothing was sent: make room there, or name another place with --journal")
}
