//! From a selection to servers: what can go wrong on the way, for people.

use ecs_ops::selection::{SelectError, SelectionProblem};

use crate::args::{Global, Select};
use crate::confirm::few;
use crate::connect::Connection;
use crate::fail::Fail;
use crate::next_step::NextStep;

/// How many of many problems are shown.
const SHOWN: usize = 10;

/// Refuses servers and a secret that would both be read from stdin. Comes before anything is read: what is wrong with a list
/// of servers is shown, and a secret must not be.
pub(super) fn check_stdin(select: &Select, global: &Global) -> Result<(), Fail> {
    match global.read_from_stdin().first() {
        Some(option) if select.reads_stdin() => Err(Fail::usage(format!(
            "the ids and {option} cannot both be read from stdin"
        ))
        .hint(format!(
            "put one of them into a file: --from-file FILE, or {option} - < FILE"
        ))),
        _ => Ok(()),
    }
}

/// Why no servers were selected.
pub(super) fn fail(connection: &Connection, error: SelectError) -> Fail {
    let place = format!("project {} at {}", connection.project, connection.place());
    let error = match error {
        SelectError::List(error) => {
            return Fail::of_error(&format!("cannot list the servers of {place}"), &error);
        }
        SelectError::Selection(error) => error,
        other => return Fail::usage(other.to_string()),
    };
    let problems = error.problems();
    let fail = match problems {
        [SelectionProblem::Nothing { servers: 0, .. }] => {
            return Fail::usage(format!("there is no server in {place}"))
                .hint("check the project and the region");
        }
        [problem] => Fail::usage(format!("{problem}; nothing was sent")),
        _ => {
            let details = few(problems, SHOWN, ToString::to_string);
            let message = format!(
                "no servers were chosen for {} reasons; nothing was sent",
                problems.len()
            );
            Fail::usage(message).details(details)
        }
    };
    advise(fail, problems)
}

/// Adds what to do next.
fn advise(fail: Fail, problems: &[SelectionProblem]) -> Fail {
    let has = |wanted: fn(&SelectionProblem) -> bool| problems.iter().any(wanted);
    if has(|problem| matches!(problem, SelectionProblem::Ambiguous { .. })) {
        fail.hint("give servers of the same name by their ids")
    } else if has(|problem| matches!(problem, SelectionProblem::NotFound(_))) {
        fail.hint("check the project and the region")
            .next(NextStep::list_servers("to see the servers that are there"))
    } else {
        let purpose = "to see the servers with their tags and status";
        fail.next(NextStep::list_servers(purpose))
    }
}
