//! Servers that other runs of the store act on.

use std::collections::HashSet;

use ecs_ops::fleet::{SkipReason, SkippedServer};
use ecs_ops::model::ServerId;

use super::servers::Servers;
use crate::args::{Global, Held, Run};
use crate::command_line::CommandLine;
use crate::confirm::{counted, few};
use crate::connect::Connection;
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::store::{Store, named};
use crate::term::Printer;

/// The most servers that are named.
const NAMED: usize = 5;

/// Opens the store of a run, if one is named.
pub(super) async fn store(args: &Run, global: &Global) -> Result<Option<Store>, CliError> {
    let Some(store) = named(global).filter(|_| !args.sends_nothing()) else {
        return Ok(None);
    };
    let option = match (&args.journal, args.no_journal) {
        (Some(_), _) => Some("--journal"),
        (None, true) => Some("--no-journal"),
        (None, false) => None,
    };
    if let Some(option) = option {
        return Err(CliError::usage(format!(
            "{option} cannot be used with a store: the journal of the run is in the store"
        ))
        .hint(format!(
            "remove {option}, or the store, which is named by {}",
            store.origin
        )));
    }
    Store::open(global).await
}

/// Waits for, skips or refuses the servers that other runs act on now. With each choice, the run waits for a server
/// that another run begins to act on later.
pub(super) async fn apply(
    store: &Store,
    args: &Run,
    servers: &mut Servers,
    (connection, global): (&Connection, &Global),
    printer: &Printer,
) -> Result<(), CliError> {
    let found = store.held(connection, &servers.ids).await?;
    if found.is_empty() {
        return Ok(());
    }
    let details = few(&found, NAMED, ToString::to_string);
    let are_held = format!("other runs act on {}", counted(found.len()));
    let report = |action: &str| {
        printer.always(&format!("{are_held}: {action}"));
        details
            .iter()
            .for_each(|line| printer.always(&format!("  {line}")));
    };
    let ids: HashSet<ServerId> = found.iter().map(|held| held.id).collect();
    match args.held {
        Held::Wait => {
            report("waiting for them");
            let purpose =
                "a run whose process died holds its servers until it is resumed; to see the runs";
            printer.next(&NextStep::list_runs(purpose).at(&CommandLine::to_place(global)));
        }
        Held::Fail => {
            return Err(CliError::usage(format!("{are_held}; nothing was sent"))
                .details(details)
                .hint("--held wait waits for them, --held skip skips them"));
        }
        Held::Skip if ids.len() == servers.ids.len() => {
            return Err(
                CliError::usage(format!("{are_held}, and there are no others"))
                    .details(details)
                    .hint("--held wait waits for them"),
            );
        }
        Held::Skip => {
            report("skipping them");
            servers.skip(&ids);
        }
    }
    Ok(())
}

impl Servers {
    fn skip(&mut self, held: &HashSet<ServerId>) {
        let all = std::mem::take(&mut self.ids).into_iter();
        let (skipped, free): (Vec<_>, Vec<_>) = all.partition(|id| held.contains(id));
        self.ids = free;
        self.last = self.last.filter(|id| !held.contains(id));
        let skipped = skipped.into_iter();
        let reason = SkipReason::HeldByOtherRun;
        self.skipped
            .extend(skipped.map(|id| SkippedServer::new(id, reason)));
    }
}

#[cfg(test)]
mod tests;
