//! The journal of a new run, and its entry in the registry of active runs.

use std::path::Path;

use ecs_ops::PowerAction;
use ecs_ops::active::{ActiveRun, Conflict, RegisterError, Registration, RunRegistry as _};
use ecs_ops::model::ServerId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::args::{Global, Run};
use crate::command_line::CommandLine;
use crate::confirm::{counted, few};
use crate::connect::Connection;
use crate::fail::{CliError, chain};
use crate::folders;
use crate::invocation;
use crate::journals::Journals;
use crate::next_step::NextStep;
use crate::registry::FileRegistry;
use crate::term::Printer;

/// The most servers that are named.
const NAMED: usize = 5;

/// The registration of a run as active on this machine.
pub(super) struct Registered<'a> {
    pub(super) run_id: &'a str,
    pub(super) action: PowerAction,
    /// The servers that the run may act on.
    pub(super) servers: Vec<ServerId>,
    pub(super) journal: Option<&'a Path>,
}

/// Returns the id of a new run.
pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// Chooses the id of a run and the path of its journal. A run does not begin if its journal cannot be written, unless
/// `--no-journal` is given.
pub(super) fn choose(
    args: &mut Run,
    global: &Global,
    printer: &Printer,
) -> Result<String, CliError> {
    let run_id = new_id();
    if args.journal.is_some() || args.no_journal || args.plan_out.is_some() {
        return Ok(run_id);
    }
    match Journals::prepared(global, args.dry_run, printer) {
        Ok(journals) => {
            args.journal = Some(journals.path(&run_id));
            args.run_id = Some(run_id.clone());
        }
        // A simulated run may go without a journal.
        Err(fail) if global.sim || args.dry_run => printer.warn(&format!(
            "{}: this run has no journal and cannot be resumed",
            fail.message
        )),
        Err(fail) => {
            return Err(CliError::usage(format!("{}; nothing was sent", fail.message)).hint(
                "name a file with --journal FILE, or run without one: --no-journal (then a crash cannot be resumed)",
            ));
        }
    }
    Ok(run_id)
}

/// Refuses servers that another run of this machine acts on. Writes nothing, and prints nothing if that cannot be
/// determined: [`register`] warns of it.
pub(super) async fn check_free(
    run_id: &str,
    action: PowerAction,
    servers: Vec<ServerId>,
    connection: &Connection,
) -> Result<(), CliError> {
    let Ok(registry) = registry() else {
        return Ok(());
    };
    let Ok(active) = registry.active().await else {
        return Ok(());
    };
    let run = Registered {
        run_id,
        action,
        servers,
        journal: None,
    };
    match Conflict::between(&entry(run, connection), active) {
        Some(conflict) => Err(refused(&conflict)),
        None => Ok(()),
    }
}

/// Registers a run as active on this machine, unless another one acts on the same servers.
pub(super) async fn register(
    registered: Registered<'_>,
    connection: &Connection,
    printer: &Printer,
) -> Result<Option<Registration>, CliError> {
    let unnoticed = |reason: String| {
        printer.warn(&format!(
            "{reason}: other runs on the same servers are not detected"
        ));
    };
    let registry = match registry() {
        Ok(registry) => registry,
        Err(reason) => {
            unnoticed(reason);
            return Ok(None);
        }
    };
    match registry.register(entry(registered, connection)).await {
        Ok(registration) => Ok(Some(registration)),
        Err(RegisterError::Conflict(conflict)) => Err(refused(&conflict)),
        Err(error) => {
            unnoticed(chain(&error));
            Ok(None)
        }
    }
}

/// Returns the registry of this machine's active runs.
fn registry() -> Result<FileRegistry, String> {
    let state = folders::state().map_err(|reason| reason.to_string())?;
    Ok(FileRegistry::new(state.join("active")))
}

/// Returns the registry's record of a run.
fn entry(registered: Registered<'_>, connection: &Connection) -> ActiveRun {
    let (endpoint, project) = (connection.endpoint.to_string(), connection.project.clone());
    let journal = registered.journal;
    let absolute = journal.and_then(|path| std::path::absolute(path).ok());
    ActiveRun {
        invocation: Some(invocation::of_process()),
        journal: absolute.map(|path| path.display().to_string()),
        ..ActiveRun::new(
            registered.run_id,
            endpoint,
            project,
            registered.action.name(),
            registered.servers,
            Timestamp::now(),
        )
    }
}

/// Returns the error for a run whose servers another run acts on.
fn refused(conflict: &Conflict) -> CliError {
    let (other, shared) = (&conflict.run, conflict.servers.len());
    let by = other.invocation.as_ref().map(ToString::to_string);
    let by = by.unwrap_or_else(|| "an unknown user".to_owned());
    let place = match shared {
        0 => "is active already".to_owned(),
        _ => format!("acts on {} of these", counted(shared)),
    };
    let details = few(&conflict.servers, NAMED, ToString::to_string);
    let fail = CliError::usage(format!(
        "run {} ({}, by {by}, since {:.0}) {place}; nothing was sent",
        other.run_id, other.operation, other.since
    ))
    .details(details)
    .hint("wait until it has ended, or stop it first");
    match &other.journal {
        Some(journal) => {
            let purpose = "to see how far it is";
            let options = CommandLine::default();
            fail.next(NextStep::show_run(purpose, Path::new(journal), &options))
        }
        None => fail,
    }
}
