//! `plan` and `apply`: write, show, approve and apply plans.

mod approvals;
mod once;
mod show;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ecs_ops::journal::RunRecord;
use ecs_ops::model::{Server, ServerId};
use ecs_ops::{PowerAction, journal::ServerNames};
use jiff::{SignedDuration, Timestamp};

use super::recorded_options::{options_of, parse};
use super::resume::use_recorded_place;
use super::servers::Servers;
use crate::args::{Apply, Global, Run};
use crate::command_line::CommandLine;
use crate::confirm::few;
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::plan_file::{AppliedPlan, PlanFile, PlanFileError, PlannedServer, RunPlan, drift};
use crate::render::duration::to_minutes;
use crate::store::Store;
use crate::term::Printer;
pub(crate) use approvals::approve;
pub(super) use once::{mark, unwritable};
pub(crate) use show::show;

/// The most differences that are shown.
const SHOWN: usize = 10;

/// Writes the plan of a run.
pub(super) fn write(
    path: &Path,
    run: RunRecord,
    known: &[Server],
    global: &Global,
    printer: &Printer,
) -> Result<(), CliError> {
    let by_id = super::preflight::by_id(known);
    let server = |id: &ServerId| planned_server(*id, by_id.get(id).copied());
    let servers: Vec<PlannedServer> = run.servers.iter().map(server).collect();
    if servers.iter().any(|server| server.status.is_none()) {
        printer
            .warn("the state of some servers is not known: apply cannot tell whether they changed");
    }
    let plan = RunPlan {
        created: Timestamp::now(),
        run,
        servers,
    };
    let cannot = |error: &dyn std::fmt::Display| {
        CliError::usage(format!(
            "cannot write the plan to {}: {error}",
            path.display()
        ))
    };
    let file = PlanFile::new(plan).map_err(|error| cannot(&error))?;
    let text = file.text().map_err(|error| cannot(&error))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let written = options
        .open(path)
        .and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| cannot(&error).hint("name a new file with --out; nothing was sent"))?;
    printer.note(&format!(
        "plan written to {}: {}",
        path.display(),
        file.hash
    ));
    printer.next(&NextStep::show_plan("to show it", path));
    printer.next(&NextStep::apply_plan("to apply it", path).at(&CommandLine::to_place(global)));
    Ok(())
}

fn planned_server(id: ServerId, server: Option<&Server>) -> PlannedServer {
    PlannedServer {
        id,
        name: server.and_then(|server| server.name.clone()),
        status: server
            .and_then(|server| server.status.as_ref())
            .map(ToString::to_string),
        availability_zone: server.and_then(|server| server.availability_zone.clone()),
    }
}

fn read(path: &Path) -> Result<PlanFile, CliError> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| CliError::usage(format!("cannot read the plan {shown}: {error}")))?;
    PlanFile::parse(&bytes).map_err(|error| {
        let fail = CliError::usage(format!("{shown}: {error}; nothing was sent"));
        match error {
            PlanFileError::Changed => fail.hint("make a new plan"),
            _ => fail,
        }
    })
}

/// Formats the age of a plan in whole minutes.
fn age(plan: &RunPlan) -> String {
    let seconds = Timestamp::now().duration_since(plan.created).as_secs();
    to_minutes(seconds)
}

/// Returns the action and the arguments of the run that a plan describes.
pub(crate) async fn prepare(
    args: &Apply,
    global: &mut Global,
    printer: &Printer,
) -> Result<(PowerAction, Run), CliError> {
    let file = read(&args.plan)?;
    let journal = file.journal_path(&args.plan);
    refuse_old(args, &file)?;
    let store = Store::open_to_read(global).await?;
    let marker = once::check(args, &file, store.as_ref(), global, printer).await?;
    approvals::require(args, &file, store.as_ref()).await?;
    let record = &file.plan.run;
    let mut arguments = vec!["ecsctl".to_owned(), record.action.name().to_owned()];
    arguments.extend(record.servers.iter().map(ToString::to_string));
    arguments.extend(
        options_of(record)
            .iter()
            .flat_map(|option| option.arguments()),
    );
    if record.resubmit_unknown {
        arguments.push("--resubmit-unknown".to_owned());
    }
    let (action, mut run) = parse(&arguments)?;
    run.allow_autoscaling_members = args.allow_autoscaling_members;
    run.yes = args.yes;
    run.dry_run = args.dry_run;
    run.output = args.output;
    // With a store it is there.
    run.journal = store.is_none().then(|| journal.clone());
    run.service = Some(record.endpoint.clone());
    run.planned = Some(AppliedPlan {
        waves: record.rolling.as_ref().map(|rolling| rolling.waves.clone()),
        servers: file.plan.servers.clone(),
        run_id: file.hash.run_id(),
        journal,
        marker,
        run: record.clone(),
        accept_drift: args.accept_drift,
    });
    use_recorded_place(record, "the plan", global, printer)?;
    printer.note(&format!(
        "applying {} of {} ago",
        file.hash,
        age(&file.plan)
    ));
    Ok((action, run))
}

/// Refuses a plan that is too old.
fn refuse_old(args: &Apply, file: &PlanFile) -> Result<(), CliError> {
    let age_now = Timestamp::now().duration_since(file.plan.created);
    let most = SignedDuration::try_from(args.max_age).unwrap_or(SignedDuration::MAX);
    if age_now > most {
        return Err(CliError::usage(format!(
            "the plan is {} old; nothing was sent",
            age(&file.plan)
        ))
        .hint("make a new plan, or accept older ones with --max-age DURATION"));
    }
    // Tolerates clocks that differ by seconds.
    if age_now < SignedDuration::from_mins(-5) {
        return Err(CliError::usage(
            "the plan was made in the future, by this machine's clock; nothing was sent",
        )
        .hint("set the clock of this machine, or of the one that made the plan"));
    }
    Ok(())
}

/// Refuses to act if servers differ from the plan.
pub(super) fn check_drift(
    planned: &AppliedPlan,
    servers: &Servers,
    printer: &Printer,
) -> Result<(), CliError> {
    let by_id = super::preflight::by_id(&servers.listed);
    let differences = planned.servers.iter().filter_map(|server| {
        let now = by_id
            .get(&server.id)
            .map(|now| planned_server(server.id, Some(now)));
        drift(server, now.as_ref())
    });
    let differences: Vec<String> = differences.collect();
    let count = differences.len();
    if count == 0 {
        return Ok(());
    }
    let differences = few(&differences, SHOWN, String::clone);
    let message = format!(
        "{} from the plan",
        match count {
            1 => "1 server differs".to_owned(),
            count => format!("{count} servers differ"),
        }
    );
    if planned.accept_drift {
        printer.warn(&format!("{message}: {}", differences.join("; ")));
        return Ok(());
    }
    Err(CliError::usage(format!("{message}; nothing was sent"))
        .details(differences)
        .hint("make a new plan, or act on all servers of this one with --accept-drift"))
}

/// Completes the record with the health check and the whole deadline, which the library does not know.
pub(super) fn completed(mut run: RunRecord, args: &Run) -> RunRecord {
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).ok();
    // The plan has the names with the other facts of the servers.
    run.names = ServerNames::default();
    run.deadline_ms = args.deadline.and_then(milliseconds);
    if let (Some(rolling), Some(command)) = (&mut run.rolling, &args.rolling.health_cmd) {
        rolling.health = Some(command.clone());
        rolling.health_timeout_ms = milliseconds(args.rolling.health_limit());
    }
    run
}

/// Returns the arguments of a run that is planned instead of sent.
pub(crate) fn planned_arguments(args: Run, out: &Path) -> Result<Run, CliError> {
    let meaningless = [
        ("--journal", args.journal.is_some()),
        ("--dry-run", args.dry_run),
        ("--yes", args.yes),
    ];
    if let Some((option, _)) = meaningless.iter().find(|(_, is_given)| *is_given) {
        return Err(CliError::usage(format!(
            "{option} cannot be used with plan; nothing was sent"
        ))
        .hint("omit it: applying the plan writes a journal beside it"));
    }
    if out.exists() {
        return Err(
            CliError::usage(format!("{}: the file exists", out.display()))
                .hint("name a new file with --out"),
        );
    }
    Ok(Run {
        plan_out: Some(out.to_owned()),
        ..args
    })
}
