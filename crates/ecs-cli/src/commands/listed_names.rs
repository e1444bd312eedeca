//! The names that lists have beside ids, compared with those of the service: in a spreadsheet that was sorted by one
//! column, or in an old inventory, an id stands beside the name of another server.

use ecs_ops::model::Server;
use ecs_ops::selection::Selected;

use crate::args::Run;
use crate::command_line::{CommandLine, name_of};
use crate::confirm::few;
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::server_input::{ListedNames, is_stdin};
use crate::term::Printer;

/// The most rows that are shown.
const SHOWN: usize = 5;

/// Refuses servers that have another name in the project than in the list.
pub(super) fn check<'a>(
    names: &ListedNames,
    servers: impl IntoIterator<Item = &'a Server>,
    args: &Run,
) -> Result<(), CliError> {
    if args.no_preflight {
        return Ok(());
    }
    let differences = names.differences(servers);
    if differences.is_empty() {
        return Ok(());
    }
    let fail = CliError::usage(format!("{}; nothing was sent", message(&differences)))
        .details(few(&differences, SHOWN, String::clone));
    let lists = &args.select.from_file;
    if lists.iter().any(|list| is_stdin(list)) {
        return Err(fail.hint(
            "check that each name is beside its id; if servers were renamed, give their ids alone, which are not compared",
        ));
    }
    let mut from_lists = CommandLine::default();
    for list in lists {
        from_lists.path("--from-file", Some(list));
    }
    let format = args.select.from_format.and_then(name_of);
    from_lists.option("--from-format", format);
    Err(fail
        .hint("check that each name in the list is beside its id; ids alone are not compared")
        .next(NextStep::write_listed_ids(
            "if the servers were renamed and the ids are right, to write the ids alone for --from-file",
            from_lists,
        )))
}

/// Warns of servers that have another name in the project than in the list.
pub(super) fn warn(names: &ListedNames, selected: &Selected, printer: &Printer) {
    let differences = names.differences(selected.servers.iter().chain(&selected.skipped));
    if !differences.is_empty() {
        let shown = few(&differences, SHOWN, String::clone);
        printer.warn(&format!("{}: {}", message(&differences), shown.join("; ")));
    }
}

fn message(differences: &[String]) -> String {
    match differences.len() {
        1 => "1 listed server has another name in the project".to_owned(),
        many => format!("{many} listed servers have other names in the project"),
    }
}
