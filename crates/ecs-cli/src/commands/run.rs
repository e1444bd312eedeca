//! `reboot`, `start` and `stop`.

mod checks;
mod new_run;
mod out_of_reach;

use std::time::Instant;

use ecs_ops::PowerAction;

use self::checks::{check, connection, terminals};
use self::new_run::{NewRun, RunInput};
use super::carry_out::carry_out;
use super::execute::unless_stopped;
use super::held;
use super::journal_place;
use super::preflight::NotBegun;
use super::servers::{Servers, selection};
use crate::args::{Global, Run};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::signals::Signals;
use crate::store;
use crate::term::{Printer, Results};

/// Runs the command. It returns an error only if no server can have been touched.
pub(crate) async fn run(
    action: PowerAction,
    mut args: Run,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    check(&args, global)?;
    let store = held::store(&args, global).await?;
    let given = selection(&args, action, printer)?;
    let run_id = match store::named(global) {
        Some(_) => match &args.planned {
            Some(planned) => planned.run_id.clone(),
            None => journal_place::new_id(),
        },
        None => journal_place::choose(&mut args, global, printer)?,
    };
    let (terminal, after_canary) = terminals(&args, global)?;
    let began = Instant::now();
    let connection = connection(&args, global, printer).await?;
    let place = (&connection, global);
    if let Some(planned) = &args.planned {
        super::resume::refuse_other_than_planned(&planned.run, &connection, global)?;
    }
    if let (None, Some(ids)) = (&store, given.selection.plain_ids())
        && !args.sends_nothing()
    {
        // Before the status of servers: the run that acts on them is more informative than that they are busy.
        journal_place::check_free(&run_id, action, ids, &connection).await?;
    }
    let mut signals = Signals::new()?;
    let reading_from = connection.client.now();
    let finding = Servers::find(&given, action, &args, &connection, store.as_ref(), printer);
    let mut servers = match unless_stopped(&mut signals, finding).await {
        Ok(servers) => servers,
        Err(NotBegun::Failed(fail)) => return Err(fail),
        Err(NotBegun::OutOfReach(error)) => {
            let ids = given.selection.plain_ids().unwrap_or_default();
            return out_of_reach::conclude((action, ids), &error, &args, place, printer, results);
        }
    };
    drop(given);
    if let Some(store) = &store {
        held::apply(store, &args, &mut servers, place, printer).await?;
    }
    if let Some(source) = args.rolling.fit_canary(servers.others().len()) {
        printer.note(&format!(
            "canary of {source} is not used: it is no smaller than the waves"
        ));
    }
    let input = RunInput {
        action,
        args: &args,
        global,
        connection: &connection,
        store: store.as_ref(),
        run_id: &run_id,
        reading_from,
        began,
    };
    let prepared = NewRun::prepare(input, servers, (terminal, after_canary), printer)?;
    carry_out(prepared, signals, printer, results).await
}
