//! `resume`: continues a run from its journal.

mod intent;
mod place;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::OnUnknown;
use ecs_ops::fleet::WaveRecheck;
use ecs_ops::journal::{
    Contents, Invocation, Journal, JournalError, JournalErrorKind, JsonlJournal, OutcomeKind,
    Record, Recovered, RollingRecord, RunRecord,
};
use ecs_ops::model::ServerId;
use ecs_ops::rolling::{self, StopReason};
use jiff::Timestamp;

use super::conclude::{Ending, Place, conclude};
use super::execute::{AfterCanary, Callbacks, Shown, execute, unless_stopped};
use super::go_on::GoOn;
use super::journal_place::register;
use super::run_list::begun_by;
use crate::args::{Global, HEALTH_TIMEOUT, Resume};
use crate::confirm::{Terminal, counted};
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::render::json::Brake;
use crate::signals::Signals;
use crate::store::{self, Store};
use crate::term::{Notes, Results};
use crate::{health, invocation, journals};
use intent::Intent;
use place::refuse_other_place;
pub(super) use place::{refuse_other_than_planned, use_recorded_place};

/// The time that the service keeps an ended job, by observation.
const JOBS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn run(
    args: &Resume,
    global: &mut Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let store = store_of(args, global).await?;
    let path = match &store {
        Some(_) => args.journal.clone(),
        None => journals::resolve(&args.journal, global)?,
    };
    let (journal, contents) = match &store {
        // The run is taken over only after all other checks.
        Some(store) => {
            let contents = store.records(&args.journal.to_string_lossy()).await?;
            (None, contents)
        }
        None => open(&path, args.dry_run)?,
    };
    if let Some(tail) = contents.tail {
        notes.note(&format!(
            "line {} of the journal is incomplete ({} bytes) and was removed: the run was killed while writing it",
            tail.line, tail.bytes
        ));
    }
    let (last, by) = last_record(&contents);
    let times = times_of_outcomes(&contents);
    let recovered = recover(contents)?;
    let run = recovered.run();
    let run_id = run.run_id.clone();
    if args.skip_unready && run.rolling.is_none() {
        return Err(Fail::usage(
            "--skip-unready is for a run with waves, whose servers are read again before each wave; nothing was sent",
        ));
    }
    let (health, after_canary) = callbacks(args, global, run, notes)?;
    let action = run.action;
    // The id, because `last` may name another run later.
    let named = if path == args.journal {
        &path
    } else {
        Path::new(&run_id)
    };
    let go_on = GoOn::of_resume(args, named, store.is_some(), global);
    use_recorded_place(run, "the journal", global, notes)?;
    let intent = Intent::of(&recovered, &path, last, by);
    let terminal = if args.yes || args.dry_run || !intent.acts() {
        None
    } else {
        let terminal = Terminal::open(!global.read_from_stdin().is_empty());
        Some(terminal.ok_or_else(nobody_to_ask)?)
    };
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: args.servers_per_minute.or(run.servers_per_minute),
        otherwise: Some(run.endpoint.clone()),
        fails_soon: false,
    };
    let connection = connect(global, &settings, notes).await?;
    refuse_other_place(&recovered, &connection, global)?;
    say(&recovered, &path, notes);
    if global.sim && !recovered.accepted_requests().is_empty() {
        notes.note("the simulator with the jobs of this run has ended: the outcome of accepted servers stays unknown");
    }
    super::preflight::resumed(&recovered, args, &connection, notes).await?;
    let rules = run.rolling.as_ref().map(RollingRecord::rules);
    let brake = rules.and_then(|rules| Brake::of(&rules, run.servers.len()));
    let max_failures = run
        .rolling
        .as_ref()
        .and_then(|rolling| rolling.rules().max_failures)
        .map(|limit| limit.to_string());
    if args.dry_run {
        results.write(&intent.shown(args.output.format, &connection));
        return Ok(Exit::Success);
    }
    let open = intent.servers.clone();
    let _active = match &store {
        // The servers of a run in a store are registered there.
        Some(_) => None,
        None => register(&run_id, action, open, Some(&path), &connection, notes).await?,
    };
    let mut signals = Signals::new()?;
    let confirmed = intent.confirm(terminal, &connection, notes);
    unless_stopped(&mut signals, confirmed).await?;
    let reconciles = args.reconcile || run.reconcile;
    let (journal, recovered) = match (&store, journal) {
        (Some(store), _) => take_over(store, &run_id, args, &recovered, notes).await?,
        (None, Some(journal)) => (journal, recovered),
        (None, None) => return Err(Fail::usage("the journal is not open")),
    };
    let builder = connection.client.resume(journal, recovered);
    // `resume` also continues a run that was stopped.
    let mut builder = builder
        .map_err(|error| Fail::usage(error.to_string()))?
        .invocation(invocation::of_process())
        .continue_stopped();
    if args.reconcile {
        builder = builder.on_unknown(OnUnknown::Reconcile);
    }
    if let Some(traces) = &connection.traces {
        builder = builder.traces(traces.clone());
    }
    if let Some(limit) = args.reconcile_after {
        builder = builder.reconcile_after(limit);
    }
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline);
    }
    if args.skip_unready {
        let recheck = WaveRecheck::skip();
        builder = builder.recheck_waves(match store.is_some() {
            true => recheck.ignore_busy(),
            false => recheck,
        });
    }
    if args.no_recheck {
        builder = builder.skip_recheck();
    }
    let (builder, callbacks) = Callbacks::attach(builder, health, after_canary);
    let plan = builder
        .plan()
        .map_err(|error| Fail::with_hint(&error, error.problem().to_string()))?;
    let shown = Shown {
        format: args.output.format,
        times,
    };
    let ended = execute(plan, callbacks, shown, signals, notes, results).await?;
    let ending = Ending {
        output: args.output,
        max_failures,
        brake,
        no_wait: false,
        reconciled: reconciles,
        go_on,
        place: Place::of_connection(&connection),
        at_least: Exit::Success,
        unfinished: None,
    };
    let exit = conclude(&ended, ending, notes, results);
    Ok(ended.exit(exit))
}

/// The journal (`None` if it is only read) and its records.
type Opened = (Option<Arc<dyn Journal>>, Contents);

/// Opens the journal for writing, or only reads it.
fn open(path: &Path, only_read: bool) -> Result<Opened, Fail> {
    if only_read {
        let contents = JsonlJournal::read(path).map_err(|error| fail(&error))?;
        return Ok((None, contents));
    }
    let (journal, contents) = JsonlJournal::open(path).map_err(|error| {
        let known = JsonlJournal::read(path).ok();
        let by = known.and_then(|contents| last_record(&contents).1);
        match (error.kind(), by) {
            (JournalErrorKind::InUse, Some(by)) => fail(&error).hint(format!(
                "{by} runs it: wait until that process has ended, or stop it"
            )),
            _ => fail(&error),
        }
    })?;
    Ok((Some(Arc::new(journal)), contents))
}

/// Returns the time of the last record and the last process of the run.
fn last_record(contents: &Contents) -> (Option<Timestamp>, Option<Invocation>) {
    let last = contents.entries.last().map(|entry| entry.at);
    let by = begun_by(contents).and_then(|(_, by)| by);
    (last, by)
}

/// Returns the times at which final outcomes became known.
fn times_of_outcomes(contents: &Contents) -> HashMap<ServerId, Timestamp> {
    let mut times = HashMap::new();
    for entry in &contents.entries {
        let Record::Outcomes { servers } = &entry.record else {
            continue;
        };
        let is_final = |outcome| matches!(outcome, OutcomeKind::Succeeded | OutcomeKind::Failed);
        for server in servers.iter().filter(|server| is_final(server.outcome)) {
            times.entry(server.id).or_insert(entry.at);
        }
    }
    times
}

fn nobody_to_ask() -> Fail {
    Fail::usage("confirmation required, but no terminal is available; nothing was sent")
        .hint("add --yes to resume without a question, or --dry-run to see what would be sent")
}

/// Returns the store that has the run, if it is in one.
async fn store_of(args: &Resume, global: &Global) -> Result<Option<Store>, Fail> {
    if store::has_run(global, &args.journal) {
        return Store::open(global).await;
    }
    if args.take_over {
        return Err(Fail::usage("--take-over is for a run in a store").hint(
            "a journal in a file belongs to its process as long as that lives: stop the process first",
        ));
    }
    Ok(None)
}

/// Takes the run over and returns its journal and the state from its records.
async fn take_over(
    store: &Store,
    run_id: &str,
    args: &Resume,
    shown: &Recovered,
    notes: &Notes,
) -> Result<(Arc<dyn Journal>, Recovered), Fail> {
    let (journal, contents) = store.resume(run_id, args.take_over).await?;
    let recovered = recover(contents)?;
    if recovered.unsent().len() != shown.unsent().len() {
        notes.note(&format!(
            "the run continued meanwhile: {} left to send",
            counted(recovered.unsent().len())
        ));
    }
    Ok((journal, recovered))
}

/// A health check: its command and its time limit.
type HealthCommand = (String, Duration);

/// Returns the health check of a rolling run, from its journal or the options.
fn callbacks(
    args: &Resume,
    global: &Global,
    run: &RunRecord,
    notes: &Notes,
) -> Result<(Option<HealthCommand>, Option<AfterCanary>), Fail> {
    let rolling = run.rolling.as_ref();
    let health = match (
        &args.health_cmd,
        rolling.and_then(|record| record.health.as_ref()),
    ) {
        (None, None) => None,
        (Some(_), None) => {
            return Err(Fail::usage(
                "the run of this journal has no health check for --health-cmd to replace",
            ));
        }
        (Some(command), Some(_)) => Some(command.clone()),
        (None, Some(known)) if known.trim().is_empty() => {
            return Err(Fail::usage(
                "the journal does not contain the command of its health check",
            )
            .hint("name the command with --health-cmd; nothing was sent"));
        }
        (None, Some(known)) => {
            notes.always(&format!("health check, from the journal: {known}"));
            Some(known.clone())
        }
    };
    if let Some(command) = &health {
        health::check_exists(command)?;
    }
    let asks =
        rolling.is_some_and(|record| record.rules().canary == Some(rolling::AfterCanary::Ask));
    let terminal = || Terminal::open(!global.read_from_stdin().is_empty());
    let after_canary = asks.then(|| match args.yes {
        true => AfterCanary::Yes,
        false => terminal().map_or(AfterCanary::Nobody, AfterCanary::Asked),
    });
    let known = rolling.and_then(|record| record.health_timeout_ms);
    let within = args.health_timeout.or(known.map(Duration::from_millis));
    let health = health.map(|command| (command, within.unwrap_or(HEALTH_TIMEOUT)));
    Ok((health, after_canary))
}

fn recover(contents: Contents) -> Result<Recovered, Fail> {
    Recovered::from_entries(contents.entries).map_err(|error| fail(&error))
}

/// Prints what is left of the run.
fn say(recovered: &Recovered, path: &Path, notes: &Notes) {
    let accepted = recovered.accepted_requests();
    let watched: usize = accepted.iter().map(|batch| batch.servers.len()).sum();
    let doubtful = recovered.unknown_requests();
    let doubtful: usize = doubtful.iter().map(|batch| batch.servers.len()).sum();
    notes.note(&format!(
        "resuming run {} from {}: {} of {} servers done, {watched} to wait for, {} to send, {doubtful} unknown",
        recovered.run().run_id,
        path.display(),
        recovered.final_outcomes().count(),
        recovered.run().servers.len(),
        recovered.unsent().len(),
    ));
    if let Some(stop) = stopped_before(recovered) {
        notes.note(&stop);
    }
    if let Some(stopped) = recovered.stop_request() {
        notes.note(&format!(
            "the run was stopped ({stopped}) and is now continued"
        ));
    }
    let now = Timestamp::now();
    let is_old = |at: Timestamp| {
        Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > JOBS_ARE_KEPT)
    };
    let old = accepted
        .iter()
        .filter_map(|batch| batch.ticket.accepted_at());
    if let Some(oldest) = old.filter(|at| is_old(*at)).min() {
        notes.warn(&format!(
            "some jobs were accepted more than a day ago, the first at {oldest:.0}: the service deletes jobs about a day \
             after their end; the outcome of servers of deleted jobs stays unknown"
        ));
    }
}

/// Describes why a rolling run stopped, and how it continues.
fn stopped_before(recovered: &Recovered) -> Option<String> {
    let reason = recovered.stopping_rule()?;
    let now = match (&reason, recovered.is_ended()) {
        (StopReason::Failures { .. }, true) => "the count of failures starts again at zero",
        (
            StopReason::Canary
            | StopReason::CanaryFailures { .. }
            | StopReason::WaveWithoutSuccess { .. },
            true,
        ) => "the remaining waves are sent",
        (
            StopReason::Failures { .. }
            | StopReason::Canary
            | StopReason::CanaryFailures { .. }
            | StopReason::WaveWithoutSuccess { .. },
            false,
        ) => {
            "the process was killed before it reported that; nothing is sent now, resume again to continue"
        }
        (StopReason::Unhealthy { .. }, _) => "the health is checked again",
        (StopReason::NotReady { .. } | StopReason::NotRead { .. }, _) => {
            "the servers of the wave are read again"
        }
        _ => "the question is asked again",
    };
    Some(format!("the run stopped: {reason}; {now}"))
}

/// Returns the error for a journal that cannot be used, with a hint.
pub(super) fn fail(error: &JournalError) -> Fail {
    let fail = Fail::usage(chain(error));
    match error.kind() {
        JournalErrorKind::InUse => fail.hint("wait for the other process to end, or stop it"),
        JournalErrorKind::Exists => {
            fail.hint("a new run needs a new file")
        }
        JournalErrorKind::Damaged | JournalErrorKind::Contradiction => fail.hint(
            "nothing was sent, because continuing could act on servers twice. Check the servers, and start a new run with those that need it",
        ),
        _ => fail,
    }
}
