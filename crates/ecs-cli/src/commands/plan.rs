//! `plan` and `apply`: write, show, approve and apply plans.

mod approvals;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ecs_ops::journal::RunRecord;
use ecs_ops::model::{Server, ServerId};
use ecs_ops::store::PlanApproval;
use ecs_ops::{PowerAction, journal::ServerNames};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::recorded_options::{options_of, parse};
use super::resume::use_recorded_place;
use super::servers::Servers;
use crate::approval;
use crate::args::{Apply, Global, PlanFormat, PlanShow, Run};
use crate::command_line::CommandLine;
use crate::confirm::{act_on, counted, few};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::plan_file::{
    AppliedPlan, PlanFile, PlanFileError, PlannedServer, RunPlan, drift, read_store_note,
    store_note,
};
use crate::render::duration::to_minutes;
use crate::render::plan_page::{PlanPage, PlanRow};
use crate::render::target;
use crate::render::text_table::{TextTable, stdout_width};
use crate::store::Store;
use crate::term::{Printer, Results, clean};
pub(crate) use approvals::approve;

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

/// Shows a plan, with its approvals in the store if one is named.
pub(crate) async fn show(
    args: &PlanShow,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let file = read(&args.plan)?;
    let stored = match args.format {
        PlanFormat::Hash => None,
        _ => approvals::stored(&file, global, printer).await?,
    };
    let stored = stored.as_deref();
    if let Some(path) = &args.html {
        let page = page(&file, stored).html();
        super::show::create(path, |to| to.write_all(page.as_bytes())).map_err(|error| {
            CliError::usage(format!("cannot write {}: {error}", path.display()))
        })?;
        printer.note(&format!("the page is in {}", path.display()));
        return Ok(Exit::Success);
    }
    results.write(&match args.format {
        PlanFormat::Table => text(&file, stored),
        PlanFormat::Hash => file.hash.to_string(),
        PlanFormat::Json => json(&file, stored)
            .map_err(|error| CliError::usage(format!("the plan cannot be shown: {error}")))?,
    });
    Ok(Exit::Success)
}

/// Returns the file with the approvals in the store.
fn json(file: &PlanFile, stored: Option<&[PlanApproval]>) -> Result<String, serde_json::Error> {
    let text = file.text()?;
    let Some(stored) = stored else {
        return Ok(text);
    };
    let hash = file.hash.to_string();
    let approval = |approval: &PlanApproval| {
        let signature = approval.signature.as_deref();
        json!({
            "at": approval.approved_at, "user": approval.user, "host": approval.host, "role": approval.role,
            "program": approval.program, "signature": signature,
            "key": signature.and_then(|signature| approval::verified(&hash, signature)),
        })
    };
    let mut document: serde_json::Value = serde_json::from_str(&text)?;
    if let Some(document) = document.as_object_mut() {
        let approvals = stored.iter().map(approval).collect();
        document.insert("store_approvals".to_owned(), approvals);
    }
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Returns the facts of a plan, except its servers, as labels and values.
fn facts(file: &PlanFile, stored: Option<&[PlanApproval]>) -> Vec<(&'static str, String)> {
    let run = &file.plan.run;
    let options: Vec<String> = options_of(run)
        .iter()
        .flat_map(|option| option.arguments())
        .collect();
    let hash = file.hash.to_string();
    let keys = file.approvals.iter();
    let keys: Vec<String> = keys
        .map(|approval| {
            let signature = &approval.signature;
            approval::verified(&hash, signature).unwrap_or_else(|| {
                format!(
                    "{}: not a signature of this plan",
                    approval::described(signature)
                )
            })
        })
        .collect();
    let approvals = if keys.is_empty() {
        "none".to_owned()
    } else {
        keys.join(", ")
    };
    let mut facts = vec![
        ("plan", file.hash.to_string()),
        (
            "made",
            format!("{:.0} ({} ago)", file.plan.created, age(&file.plan)),
        ),
        ("action", what(file)),
    ];
    // An approver needs the place and the account.
    match &run.target {
        Some(place) => facts.extend(target::of(place, &run.endpoint)),
        None => facts.extend([
            ("endpoint", run.endpoint.clone()),
            ("project", run.project.to_string()),
        ]),
    }
    facts.push(("options", options.join(" ")));
    facts.push(("approved by", approvals));
    match stored {
        None => {}
        Some([]) => facts.push(("in the store", "not approved".to_owned())),
        Some(stored) => {
            let approvals = stored.iter();
            facts.extend(approvals.map(|one| ("in the store", approvals::described(&hash, one))));
        }
    }
    if !run.unready.is_empty() {
        facts.push((
            "not ready",
            format!("{}, which are not in the plan", counted(run.unready.len())),
        ));
    }
    facts
}

fn what(file: &PlanFile) -> String {
    let run = &file.plan.run;
    act_on(run.action, run.servers.len())
}

/// Returns the wave of each server, counted from 1; empty for a run without waves.
fn waves_of(run: &RunRecord) -> HashMap<ServerId, usize> {
    let waves = run.rolling.iter().flat_map(|rolling| &rolling.waves);
    let numbered = (1..).zip(waves);
    numbered
        .flat_map(|(number, wave)| wave.iter().map(move |id| (*id, number)))
        .collect()
}

fn page(file: &PlanFile, stored: Option<&[PlanApproval]>) -> PlanPage {
    let waves = waves_of(&file.plan.run);
    let row = |server: &PlannedServer| PlanRow {
        wave: waves.get(&server.id).copied(),
        id: server.id.to_string(),
        name: server.name.clone().unwrap_or_default(),
        status: server.status.clone().unwrap_or_default(),
        zone: server.availability_zone.clone().unwrap_or_default(),
    };
    PlanPage {
        title: what(file),
        facts: facts(file, stored),
        servers: file.plan.servers.iter().map(row).collect(),
    }
}

fn text(file: &PlanFile, stored: Option<&[PlanApproval]>) -> String {
    let rows = facts(file, stored);
    let mut text = String::new();
    for (label, value) in rows {
        text.push_str(&clean(&format!("{label:<12} {value}")));
        text.push('\n');
    }
    let mut table = TextTable::new(&["ID", "NAME", "STATUS", "AZ", "WAVE"]);
    table.may_shrink(1);
    let waves = waves_of(&file.plan.run);
    for server in &file.plan.servers {
        let wave = waves.get(&server.id);
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            server.id.to_string(),
            or_dash(&server.name),
            or_dash(&server.status),
            or_dash(&server.availability_zone),
            wave.map_or_else(|| "-".to_owned(), |wave| wave.to_string()),
        ]);
    }
    format!("{text}\n{}", table.render(stdout_width()))
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
    if journal.exists() {
        let Some(note) = read_store_note(&journal) else {
            return Err(applied(&journal.display(), &journal, global));
        };
        let in_this_store = store
            .as_ref()
            .map(|store| store_note(&file.hash.run_id(), store.address()));
        // The store knows whether the run began.
        if in_this_store.as_deref().map(str::trim_end) != Some(note.as_str()) {
            return Err(applied_with(&note, &journal));
        }
    }
    if let Some(store) = &store {
        let run_id = file.hash.run_id();
        if store.has(&run_id).await? {
            let place = format!("in the store {}, as run {run_id}", store.address());
            return Err(applied(&place, Path::new(&run_id), global));
        }
    }
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

/// The plan was applied before; `named` is its journal, as `resume` takes it.
fn applied(place: &dyn std::fmt::Display, named: &Path, global: &Global) -> CliError {
    let mut options = CommandLine::default();
    options.store(global);
    let resume = NextStep::resume("to continue that run", named, &options);
    CliError::usage(format!(
        "the plan was applied before: its journal is {place}; nothing was sent"
    ))
    .hint("for another run make a new plan")
    .next(resume)
}

/// The plan was applied before with a store, by the note beside it.
fn applied_with(note: &str, path: &Path) -> CliError {
    let path = path.display();
    CliError::usage(format!(
        "the plan was applied before, as {note}; nothing was sent"
    ))
    .hint(format!(
        "for another run make a new plan; if that store has no such run, delete {path} and apply the plan again"
    ))
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
        .hint("leave it out: applying the plan writes a journal beside it"));
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
