//! `reboot`, `start`, `stop`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ecs_ops::journal::JsonlJournal;
use ecs_ops::model::{Server, ServerId};
use ecs_ops::rolling::Waves;
use ecs_ops::{Error, OnUnknown, Plan, PowerAction, RunBuilder, journal::ServerNames};
use jiff::Timestamp;

use super::announce::Announcement;
use super::conclude::{Ending, Place, conclude};
use super::execute::{AfterCanary, Callbacks, Ended, Shown, execute, unless_stopped};
use super::go_on::GoOn;
use super::held;
use super::journal_place::{self, register};
use super::preflight::{NotBegun, by_id};
use super::recheck;
use super::selecting;
use super::servers::{Servers, selection};
use super::waves;
use super::without_effect;
use crate::args::{Format, Global, Run};
use crate::command_line::CommandLine;
use crate::confirm::{Terminal, WavesShown, act_on};
use crate::connect::{Connection, Settings, connect};
use crate::exit::Exit;
use crate::expectation::Expectation;
use crate::fail::Fail;
use crate::health;
use crate::invocation;
use crate::next_step::NextStep;
use crate::render::json::{Brake, DryRun};
use crate::render::{json, table};
use crate::signals::Signals;
use crate::store;
use crate::term::{Notes, Results};

/// Runs the command; what it returns as an error happened before any server can have been touched.
pub(crate) async fn run(
    action: PowerAction,
    mut args: Run,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    check(&args, global)?;
    let store = held::store(&args, global).await?;
    let selection = selection(&args, action, notes)?;
    let run_id = match store::named(global) {
        Some(_) => journal_place::new_id(),
        None => journal_place::choose(&mut args, global, notes)?,
    };
    let (terminal, after_canary) = terminals(&args, global)?;
    let begin = Instant::now();
    let connection = connection(&args, global, notes).await?;
    if let Some(planned) = &args.planned {
        super::resume::refuse_other_than_planned(&planned.run, &connection, global)?;
    }
    if let (None, Some(ids)) = (&store, selection.plain_ids())
        && !args.sends_nothing()
    {
        // Sooner than their status: who acts on them says more than that they are busy.
        journal_place::check_free(&run_id, action, ids, &connection).await?;
    }
    let mut signals = Signals::new()?;
    let reading_from = connection.client.now();
    let finding = Servers::find(
        &selection,
        action,
        &args,
        &connection,
        store.as_ref(),
        notes,
    );
    let mut servers = match unless_stopped(&mut signals, finding).await {
        Ok(servers) => servers,
        Err(NotBegun::Fail(fail)) => return Err(fail),
        Err(NotBegun::OutOfReach(error)) => {
            let given = selection.plain_ids().unwrap_or_default();
            return not_begun(
                (action, given),
                &error,
                &args,
                (&connection, global),
                notes,
                results,
            );
        }
    };
    if let Some(store) = &store {
        held::apply(store, &args, &mut servers, (&connection, global), notes).await?;
    }
    if let Some(source) = args.rolling.fit_canary(servers.others().len()) {
        notes.note(&format!(
            "canary of {source} is not used: it is no smaller than the waves"
        ));
    }
    let waves = match &args.planned {
        Some(planned) => {
            super::plan::check_drift(planned, &servers, notes)?;
            planned.waves.clone().map(Waves::of)
        }
        None => waves::plan(&args.rolling, args.no_wait, &servers, notes)?,
    };
    let waves_said = waves
        .as_ref()
        .map(|waves| waves::described(waves, &args.rolling));
    let count = waves.as_ref().map_or(0, |waves| waves.waves.len());
    let others = servers.others().len();
    for warning in without_effect::warnings(&args, others, count, connection.is_simulated()) {
        notes.warn(&warning);
    }
    let ids = std::mem::take(&mut servers.ids);
    let rules = waves.as_ref().map(|_| args.rolling.rules(ids.len()));
    let brake = rules.and_then(|rules| Brake::of(&rules, ids.len()));
    let named: Vec<_> = ids
        .iter()
        .copied()
        .zip(std::mem::take(&mut servers.named))
        .collect();
    let mut builder = builder(action, ids.clone(), waves.clone(), &args, &connection)
        .unready(servers.unready.clone());
    if let Some(recheck) = recheck::setting(&args, &servers, waves.as_ref(), store.is_some()) {
        builder = builder.recheck_waves(recheck.read_from(reading_from));
    }
    // The time that a person takes to answer is not the run's.
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline.saturating_sub(begin.elapsed()));
    }
    let health = args.rolling.health_cmd.clone();
    let health = health.map(|command| (command, args.rolling.health_limit()));
    let (builder, callbacks) = Callbacks::attach(builder, health, after_canary);
    let plan = builder
        .skipped(servers.skipped.clone())
        .run_id(&run_id)
        .invocation(invocation::of_process())
        .simulated(connection.is_simulated())
        .names(names(&ids, &servers.listed, &args.names))
        .plan()
        .map_err(|error| Fail::usage(error.to_string()))?;
    if let Some(out) = &args.plan_out {
        let record = super::plan::completed(plan.record("plan"), &args);
        super::plan::write(out, record, &servers.listed, global, notes)?;
    }
    let in_store = store::named(global).map(|named| {
        let address = store::shown(&named.address);
        PathBuf::from(format!("in the store {address}"))
    });
    let expectation = Expectation::of(&plan, &args);
    let announcement = Announcement {
        action,
        args: &args,
        connection: &connection,
        requests: plan.requests().len(),
        servers: &named,
        skipped: &servers.skipped,
        waves: waves.as_ref(),
        waves_said: waves_said.as_ref(),
        journal: in_store.as_deref().or(args.journal.as_deref()),
        expectation: &expectation,
    };
    if args.dry_run || args.plan_out.is_some() {
        let format = args.output.format;
        let mut shown = dry_run(
            &plan,
            format,
            &connection,
            &servers,
            waves_said.as_ref(),
            &expectation,
        )?;
        if format == Format::Table && args.plan_out.is_none() {
            shown.push_str(&announcement.dry_run());
        }
        results.write(&shown);
        return Ok(Exit::Success);
    }
    let journal = args.journal.as_deref();
    let _active = match &store {
        // What it acts on is in the store.
        Some(_) => None,
        None => register(&run_id, action, ids, journal, &connection, notes).await?,
    };
    let confirmed = announcement.confirm(terminal, notes);
    unless_stopped(&mut signals, confirmed).await?;
    // What is known of the servers was for the question: a run on many has better use for the room.
    drop((servers, selection));
    let plan = match (&store, &args.journal) {
        (Some(store), _) => plan.journal(store.journal()),
        (None, Some(path)) => {
            let journal = JsonlJournal::create(path);
            plan.journal(journal.map_err(|error| super::resume::fail(&error))?)
        }
        (None, None) => plan,
    };
    let shown = Shown {
        format: args.output.format,
        times: HashMap::new(),
    };
    let ended = execute(plan, callbacks, shown, signals, notes, results).await;
    let ended = ended.map_err(|fail| match &args.journal {
        Some(path) => without_plan(path, fail),
        None => fail,
    })?;
    let ending = Ending {
        output: args.output,
        max_failures: args.rolling.max_failures.map(|limit| limit.to_string()),
        brake,
        no_wait: args.no_wait,
        reconciled: args.reconcile,
        go_on: GoOn::of_run(
            action,
            &args,
            global,
            store.as_ref().map(|_| run_id.as_str()),
        ),
        place: Place::of_connection(&connection),
        at_least: Exit::Success,
        unfinished: None,
    };
    let exit = conclude(&ended, ending, notes, results);
    Ok(ended.exit(exit))
}

/// The names of these servers, as far as they are known: now, or by an earlier run.
fn names(ids: &[ServerId], known: &[Server], earlier: &ServerNames) -> ServerNames {
    let by_id = by_id(known);
    let name = |id: &ServerId| {
        let now = by_id.get(id).and_then(|server| server.name.as_deref());
        Some((*id, now.or_else(|| earlier.get(*id))?))
    };
    ids.iter().filter_map(name).collect()
}

/// What would be sent.
fn dry_run(
    plan: &Plan,
    format: Format,
    connection: &Connection,
    servers: &Servers,
    waves: Option<&WavesShown>,
    expectation: &Expectation,
) -> Result<String, Fail> {
    let shown = DryRun::new(
        plan,
        connection,
        (&servers.skipped, &servers.unready),
        expectation,
    )
    .ok_or_else(|| Fail::usage("the plan cannot be shown"))?;
    Ok(match format {
        Format::Table => {
            let what = act_on(plan.action(), plan.servers());
            table::dry_run(&shown, &what, connection, waves)
        }
        Format::Json => json::document(&shown),
        Format::Jsonl => shown.lines(),
        Format::Csv | Format::Id => shown.ids(format == Format::Csv),
    })
}

/// Ends a run whose servers could not be queried: with a report, like every run.
fn not_begun(
    (action, given): (PowerAction, Vec<ServerId>),
    error: &Error,
    args: &Run,
    (connection, global): (&Connection, &Global),
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let what = "cannot read the state of the servers, so nothing was sent";
    if args.dry_run {
        return Err(Fail::of_error(what, error));
    }
    notes.always(&format!("error: {what}: {error}"));
    notes.hint("--no-preflight sends without these reads");
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
        go_on: GoOn::nothing(global),
        place: Place::of_connection(connection),
        at_least: Exit::Success,
        unfinished: None,
    };
    let exit = conclude(&ended, ending, notes, results);
    Ok(ended.exit(exit))
}

/// What can be found wrong before anything is read.
fn check(args: &Run, global: &Global) -> Result<(), Fail> {
    args.check()?;
    if let Some(command) = &args.rolling.health_cmd {
        health::check_exists(command)?;
    }
    selecting::check_stdin(&args.select, global)?;
    if let Some(path) = args.journal.as_deref().filter(|path| path.exists()) {
        // Found out early; made sure of when it is made.
        let text = format!("journal {}: the file exists", path.display());
        let purpose = "a new run needs a new file; to continue the run in this one";
        let options = CommandLine::to_place(global);
        return Err(Fail::usage(text).next(NextStep::resume(purpose, path, &options)));
    }
    Ok(())
}

/// Where questions are asked that this run has: before it, and after its canary.
fn terminals(args: &Run, global: &Global) -> Result<(Option<Terminal>, Option<AfterCanary>), Fail> {
    let stdin_is_taken = args.select.reads_stdin() || !global.read_from_stdin().is_empty();
    let open = || Terminal::open(stdin_is_taken).ok_or_else(|| nobody_to_ask(args));
    let terminal = match args.yes || args.sends_nothing() {
        true => None,
        false => Some(open()?),
    };
    let after_canary = match args.rolling.asks() && !args.sends_nothing() {
        true => Some(AfterCanary::Asked(open()?)),
        false => None,
    };
    Ok((terminal, after_canary))
}

/// Connects, within the deadline.
async fn connection(args: &Run, global: &Global, notes: &Notes) -> Result<Connection, Fail> {
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        otherwise: args.service.clone(),
        fails_soon: args.sends_nothing(),
    };
    let connecting = connect(global, &settings, notes);
    let connection = match args.deadline {
        Some(deadline) => tokio::time::timeout(deadline, connecting).await,
        None => Ok(connecting.await),
    };
    connection.map_err(|_| {
        Fail::new(
            Exit::Stopped,
            "the deadline passed before credentials were obtained",
        )
        .hint("nothing was sent; give it more time with --deadline")
    })?
}

/// The run, without its deadline and its journal.
fn builder(
    action: PowerAction,
    ids: Vec<ServerId>,
    waves: Option<Waves>,
    args: &Run,
    connection: &Connection,
) -> RunBuilder {
    let mut builder = connection
        .client
        .run(action, ids)
        .batch_size(args.batch_size)
        .on_unknown(OnUnknown::of(args.reconcile, args.resubmit_unknown));
    if args.no_preflight {
        builder = builder.skip_service_check();
    }
    if args.no_wait {
        builder = builder.no_wait();
    }
    if let Some(target) = &connection.target {
        builder = builder.target(target.clone());
    }
    if let Some(traces) = &connection.traces {
        builder = builder.traces(traces.clone());
    }
    if let Some(limit) = args.reconcile_after {
        builder = builder.reconcile_after(limit);
    }
    if let Some(patience) = args.stalled_after {
        builder = builder.stalled_after(patience);
    }
    if let Some(within) = args.verifies() {
        builder = builder.verify(within);
    }
    if let Some(after) = args.rolling.escalate_after {
        builder = builder.escalate_after(after);
    }
    if let Some(limit) = args.rolling.escalate_hang {
        builder = builder.escalate_hang(limit);
    }
    match waves {
        Some(waves) => {
            let servers = waves.waves.iter().map(Vec::len).sum();
            builder.rolling(waves, args.rolling.rules(servers))
        }
        None => builder,
    }
}

/// The plan is not in the journal: it could not be written, or the run did not begin. What is left is no journal, and in the way
/// of the next try.
fn without_plan(path: &Path, fail: Fail) -> Fail {
    let read = JsonlJournal::read(path);
    if read.is_ok_and(|contents| contents.entries.is_empty()) {
        // Where it stays, the next try says so.
        let _ = std::fs::remove_file(path);
    }
    if fail.hint.is_some() || fail.exit != Exit::Usage {
        return fail;
    }
    fail.hint("nothing was sent: make room there, or name another place with --journal")
}

fn nobody_to_ask(args: &Run) -> Fail {
    let fail = Fail::usage("confirmation required, but no terminal is available; nothing was sent");
    match args.rolling.asks() {
        true => fail.hint(
            "add --yes and --canary-pause DURATION to run without questions, or --dry-run to see what would be sent",
        ),
        false => {
            fail.hint("add --yes to run without a question, or --dry-run to see what would be sent")
        }
    }
}
