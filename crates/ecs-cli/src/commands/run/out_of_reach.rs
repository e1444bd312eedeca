//! A run whose servers could not be read: nothing was sent.

use ecs_ops::model::ServerId;
use ecs_ops::{Error, PowerAction};
use jiff::Timestamp;

use crate::args::{Global, Run};
use crate::commands::conclude::{self, Ending, Place};
use crate::commands::execute::Ended;
use crate::commands::next_steps::NextSteps;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::term::{Printer, Results};

/// Ends the run with a report, like every run.
pub(super) fn conclude(
    (action, given): (PowerAction, Vec<ServerId>),
    error: &Error,
    args: &Run,
    (connection, global): (&Connection, &Global),
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let message = "cannot read the state of the servers, so nothing was sent";
    if args.dry_run {
        return Err(CliError::of_error(message, error));
    }
    printer.always(&format!("error: {message}: {error}"));
    printer.hint("--no-preflight sends without these reads");
    let mut builder = connection.client.run(action, given);
    if let Some(target) = &connection.target {
        builder = builder.target(target.clone());
    }
    let now = Timestamp::now();
    let ended = Ended {
        report: builder.not_begun(error),
        wave: None,
        began: now,
        ended: now,
        interrupted: false,
    };
    let ending = Ending {
        output: args.output,
        max_failures: args.rolling.max_failures.map(|limit| limit.to_string()),
        brake: None,
        no_wait: args.no_wait,
        reconciled: args.reconcile,
        next_steps: NextSteps::nothing(global),
        place: Place::of_connection(connection),
        at_least: Exit::Success,
        unfinished: None,
    };
    let exit = conclude::conclude(&ended, ending, printer, results);
    Ok(ended.exit(exit))
}
