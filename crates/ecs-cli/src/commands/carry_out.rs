//! The phases that a new run and a resumed one have in common: it is shown, registered, confirmed, given its journal,
//! executed and concluded.

use std::path::Path;

use ecs_ops::journal::JsonlJournal;
use ecs_ops::model::ServerId;
use ecs_ops::{Plan, PowerAction};

use super::conclude::{Ending, conclude};
use super::execute::{Callbacks, Shown, execute, unless_stopped};
use super::journal_place::register;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::signals::Signals;
use crate::term::{Notes, Results};

/// A run of which everything is known that is needed to begin it: by arguments, or by its journal.
pub(super) trait PreparedRun<'a> {
    /// Where it acts.
    fn connection(&self) -> &'a Connection;

    /// What a dry run prints; `None` if the run is to begin.
    fn dry_run(&self) -> Result<Option<String>, Fail>;

    /// What other processes of this machine are told; `None` if a store tells them.
    fn registration(&mut self) -> Option<Registered<'_>>;

    /// Asks, and returns only if the answer is yes. Without a terminal it only says what is going to be done.
    async fn confirm(&mut self, notes: &Notes) -> Result<(), Fail>;

    /// Attaches the journal. What only the question needed is freed.
    async fn attach(self, notes: &Notes) -> Result<Attached<'a>, Fail>;
}

/// What is registered of a run among the active ones of this machine.
pub(super) struct Registered<'a> {
    pub(super) run_id: &'a str,
    pub(super) action: PowerAction,
    /// The servers that it may act on.
    pub(super) servers: Vec<ServerId>,
    pub(super) journal: Option<&'a Path>,
}

/// A run with its journal, which only has to begin.
pub(super) struct Attached<'a> {
    pub(super) plan: Plan,
    pub(super) callbacks: Callbacks,
    pub(super) shown: Shown,
    pub(super) ending: Ending,
    /// The file of its journal, if that was created for it.
    pub(super) new_journal: Option<&'a Path>,
}

/// Carries out a run, up to its report.
pub(super) async fn carry_out<'a>(
    mut run: impl PreparedRun<'a>,
    mut signals: Signals,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    if let Some(shown) = run.dry_run()? {
        results.write(&shown);
        return Ok(Exit::Success);
    }
    let connection = run.connection();
    let _active = match run.registration() {
        Some(registered) => register(registered, connection, notes).await?,
        None => None,
    };
    unless_stopped(&mut signals, run.confirm(notes)).await?;
    let Attached {
        plan,
        callbacks,
        shown,
        ending,
        new_journal,
    } = run.attach(notes).await?;
    let ended = execute(plan, callbacks, shown, signals, notes, results).await;
    let ended = ended.map_err(|fail| match new_journal {
        Some(path) => without_plan(path, fail),
        None => fail,
    })?;
    let exit = conclude(&ended, ending, notes, results);
    Ok(ended.exit(exit))
}

/// The plan is not in the journal: it could not be written, or the run did not begin. What is left is no journal, and in the way
/// of the next try.
fn without_plan(path: &Path, fail: Fail) -> Fail {
    let read = JsonlJournal::read(path);
    if read.is_ok_and(|contents| contents.entries.is_empty()) {
        // Where it stays, the next try says so.
        let _ = std::fs::remove_file(path);
    }
    if fail.hint.is_some() || fail.exit != Exit::Usage {
        return fail;
    }
    fail.hint("nothing was sent: make room there, or name another place with --journal")
}
