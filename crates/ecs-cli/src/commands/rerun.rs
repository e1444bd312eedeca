//! `rerun`: a new run of servers of an earlier run.

use std::path::Path;

use clap::ValueEnum as _;
use ecs_ops::journal::{JsonlJournal, Record, RunRecord};
use ecs_ops::model::ServerId;
use ecs_ops::{Outcome, PowerAction};

use super::next_steps::RecordedPlace;
use super::recorded_options::{options_of, parse};
use super::resume::use_recorded_place;
use crate::args::{Global, Rerun, Run};
use crate::command_line::CommandLine;
use crate::confirm::counted;
use crate::fail::{CliError, chain};
use crate::journals;
use crate::next_step::NextStep;
use crate::render::timeline::Timeline;
use crate::store;
use crate::term::Printer;

/// Returns the action and the arguments of the new run. Fills the place of the earlier run into `global`, unless an
/// option names another one.
pub(crate) fn prepare(
    args: &Rerun,
    global: &mut Global,
    printer: &Printer,
) -> Result<(PowerAction, Run), CliError> {
    if let Some(store) = store::named(global).filter(|_| store::has_run(global, &args.of)) {
        return Err(CliError::usage(format!(
            "rerun cannot be used with a store (named by {}): it reads the file of a journal; nothing was sent",
            store.origin
        ))
        .next(NextStep::write_failed_ids(
            "to write the ids of the failed servers to a file for --from-file",
            &args.of,
            &CommandLine::to_place(global),
        )));
    }
    let journal = journals::resolve(&args.of, global)?;
    let earlier = read(&journal)?;
    let chosen = choose(args, &journal, &earlier.timeline, printer)?;
    let arguments = arguments(args, &earlier.run, &chosen);
    let (action, mut run) = parse(&arguments)?;
    if action.name() != earlier.run.action.name()
        || action.type_name() != earlier.run.action.type_name()
    {
        return Err(CliError::usage(
            "a rerun does what the earlier run did: --type cannot be changed",
        )
        .next(NextStep::write_failed_ids(
            "for another action, write the ids of the failed servers to a file for --from-file",
            &args.of,
            &CommandLine::default(),
        )));
    }
    use_recorded_place(&earlier.run, "the journal", global, printer)?;
    run.service = Some(earlier.run.endpoint.clone());
    run.names = earlier.run.names;
    Ok((action, run))
}

fn run_of(record: &Record) -> Option<RunRecord> {
    match record {
        Record::Run(run) => Some(RunRecord::clone(run)),
        _ => None,
    }
}

/// An earlier run that ended.
struct Earlier {
    run: RunRecord,
    timeline: Timeline,
}

fn read(path: &Path) -> Result<Earlier, CliError> {
    let contents = JsonlJournal::read(path).map_err(|error| super::resume::fail(&error))?;
    let run = contents
        .entries
        .first()
        .and_then(|entry| run_of(&entry.record));
    let shown = path.display();
    let Some(run) = run else {
        return Err(CliError::usage(format!(
            "journal {shown}: it does not begin with a run"
        )));
    };
    let timeline = Timeline::of(contents)
        .map_err(|error| CliError::usage(format!("journal {shown}: {}", chain(&error))))?;
    if timeline.ended.is_none() {
        return Err(CliError::usage(format!(
            "the run of {shown} has no end record: it is still active, or its process was killed; nothing was sent"
        ))
        .next(NextStep::resume(
            "to finish it, so that its servers can be run again",
            path,
            &RecordedPlace::of(&run).of_journal,
        )));
    }
    Ok(Earlier { run, timeline })
}

/// Returns the servers to act on, in the order of the earlier run.
fn choose(
    args: &Rerun,
    journal: &Path,
    timeline: &Timeline,
    printer: &Printer,
) -> Result<Vec<ServerId>, CliError> {
    let by_default = !(args.failed || args.not_attempted || args.unknown);
    let mut counts = [(0_usize, "failed"), (0, "not attempted"), (0, "unknown")];
    let (mut chosen, mut unsent) = (Vec::new(), 0_usize);
    for server in &timeline.servers {
        let (is_chosen, index) = match server.report.outcome {
            Outcome::Failed { .. } => (args.failed || by_default, 0),
            Outcome::NotAttempted { .. } => (args.not_attempted || by_default, 1),
            Outcome::Unknown { .. } => (args.unknown, 2),
            Outcome::Succeeded { .. } | Outcome::Running { .. } => continue,
        };
        if is_chosen {
            chosen.push(server.report.id);
            counts[index].0 += 1;
            unsent += usize::from(index == 1 && server.unready.is_none());
        }
    }
    let shown = journal.display();
    if chosen.is_empty() {
        return Err(CliError::usage(format!(
            "the run of {shown} has no servers to rerun; nothing was sent"
        ))
        .next(NextStep::show_run(
            "to see how each server ended",
            journal,
            &CommandLine::default(),
        )));
    }
    let counts_shown: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    printer.note(&format!(
        "{} of the {} of run {}: {}",
        counted(chosen.len()),
        counted(timeline.summary.requested),
        timeline.run_id,
        counts_shown.join(", ")
    ));
    if unsent > 0 && !args.dry_run {
        printer.warn(&format!(
            "do not resume {shown} after this: it would act again on the servers that were not attempted"
        ));
    }
    if counts[2].0 > 0 {
        printer.warn(
            "--unknown: these servers may have been acted on already, and are acted on again",
        );
    }
    Ok(chosen)
}

/// Returns the command line of the new run.
fn arguments(args: &Rerun, earlier: &RunRecord, servers: &[ServerId]) -> Vec<String> {
    let mut arguments = vec!["ecsctl".to_owned(), earlier.action.name().to_owned()];
    arguments.extend(servers.iter().map(ToString::to_string));
    for option in options_of(earlier) {
        let is_replaced = args.options.iter().any(|word| {
            word == option.name
                || word
                    .strip_prefix(option.name)
                    .is_some_and(|rest| rest.starts_with('='))
        });
        if !is_replaced {
            arguments.extend(option.arguments());
        }
    }
    if args.yes {
        arguments.push("--yes".to_owned());
    }
    if args.dry_run {
        arguments.push("--dry-run".to_owned());
    }
    if args.no_journal {
        arguments.push("--no-journal".to_owned());
    }
    if let Some(journal) = &args.journal {
        arguments.extend(["--journal".to_owned(), journal.display().to_string()]);
    }
    if let Some(format) = args.output.format.to_possible_value() {
        arguments.extend(["-o".to_owned(), format.get_name().to_owned()]);
    }
    arguments.extend(args.options.iter().cloned());
    arguments
}
