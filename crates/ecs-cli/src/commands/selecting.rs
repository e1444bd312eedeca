//! The errors of a selection.

use ecs_ops::selection::{SelectError, SelectionProblem};

use crate::args::{Global, Select};
use crate::confirm::few;
use crate::connect::Connection;
use crate::fail::CliError;
use crate::next_step::NextStep;

/// The most problems that are shown.
const SHOWN: usize = 10;

/// Refuses servers and a secret that would both be read from stdin. Called before anything is read, because errors
/// quote lists of servers and must not quote a secret.
pub(super) fn check_stdin(select: &Select, global: &Global) -> Result<(), CliError> {
    match global.read_from_stdin().first() {
        Some(option) if select.reads_stdin() => Err(CliError::usage(format!(
            "the ids and {option} cannot both be read from stdin"
        ))
        .hint(format!(
            "put one of them into a file: --from-file FILE, or {option} - < FILE"
        ))),
        _ => Ok(()),
    }
}

/// Returns the error for a selection without servers.
pub(super) fn fail(connection: &Connection, error: SelectError) -> CliError {
    let place = format!("project {} at {}", connection.project, connection.place());
    let error = match error {
        SelectError::List(error) => {
            return CliError::of_error(&format!("cannot list the servers of {place}"), &error);
        }
        SelectError::Selection(error) => error,
        other => return CliError::usage(other.to_string()),
    };
    let problems = error.problems();
    let fail = match problems {
        [SelectionProblem::Nothing { servers: 0, .. }] => {
            return CliError::usage(format!("there is no server in {place}"))
                .hint("check the project and the region");
        }
        [problem] => CliError::usage(format!("{problem}; nothing was sent")),
        _ => {
            let details = few(problems, SHOWN, ToString::to_string);
            let message = format!(
                "no servers were chosen for {} reasons; nothing was sent",
                problems.len()
            );
            CliError::usage(message).details(details)
        }
    };
    advise(fail, problems)
}

/// Adds hints and next steps.
fn advise(fail: CliError, problems: &[SelectionProblem]) -> CliError {
    let has = |wanted: fn(&SelectionProblem) -> bool| problems.iter().any(wanted);
    if has(|problem| matches!(problem, SelectionProblem::Ambiguous { .. })) {
        fail.hint("give servers of the same name by their ids")
    } else if has(|problem| matches!(problem, SelectionProblem::NotFound(_))) {
        fail.hint("check the project and the region")
            .next(NextStep::list_servers("to list the servers"))
    } else {
        let purpose = "to see the servers with their tags and status";
        fail.next(NextStep::list_servers(purpose))
    }
}
