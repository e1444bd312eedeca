//! `resume`: continues a run from its journal.

mod intent;
mod opened;
mod place;
mod resumed_run;

use std::path::Path;
use std::time::Duration;

use ecs_ops::journal::{Recovered, RunRecord};
use ecs_ops::rolling::{self, StopReason};
use jiff::Timestamp;

use self::intent::Intent;
use self::opened::{OpenedRun, store_of};
use self::place::refuse_other_place;
use self::resumed_run::ResumedRun;
use super::carry_out::carry_out;
use super::display::AfterCanary;
use super::next_steps::NextSteps;
use crate::args::{Global, HEALTH_TIMEOUT, Resume};
use crate::confirm::Terminal;
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::health;
use crate::signals::Signals;
use crate::term::{Printer, Results};
pub(super) use opened::fail;
pub(super) use place::{refuse_other_than_planned, use_recorded_place};

/// The time that the service keeps an ended job, by observation.
const JOBS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Runs the command. It returns an error only if nothing was sent.
pub(crate) async fn run(
    args: &Resume,
    global: &mut Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let store = store_of(args, global).await?;
    let OpenedRun {
        path,
        journal,
        recovered,
        times,
        last,
        by,
    } = OpenedRun::open(args, global, store.as_ref(), printer).await?;
    let run = recovered.run();
    if args.skip_unready && run.rolling.is_none() {
        return Err(CliError::usage(
            "--skip-unready is for a run with waves, whose servers are read again before each wave; nothing was sent",
        ));
    }
    let (health, after_canary) = callbacks(args, global, run, printer)?;
    // The id, because `last` may name another run later.
    let named = if path == args.journal {
        &path
    } else {
        Path::new(&run.run_id)
    };
    let next_steps = NextSteps::of_resume(args, named, store.is_some(), global);
    use_recorded_place(run, "the journal", global, printer)?;
    let intent = Intent::of(&recovered, &path, last, by);
    let terminal = if args.yes || args.dry_run || !intent.acts() {
        None
    } else {
        let terminal = Terminal::open(!global.read_from_stdin().is_empty());
        Some(terminal.ok_or_else(no_terminal)?)
    };
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: args.servers_per_minute.or(run.servers_per_minute),
        fallback_endpoint: Some(run.endpoint.clone()),
        fails_soon: false,
    };
    let connection = connect(global, &settings, printer).await?;
    refuse_other_place(&recovered, &connection, global)?;
    announce(&recovered, &path, printer);
    if global.sim && !recovered.accepted_requests().is_empty() {
        printer.note("the simulator with the jobs of this run has ended: the outcome of accepted servers stays unknown");
    }
    super::preflight::resumed(&recovered, args, &connection, printer).await?;
    let resumed = ResumedRun {
        args,
        connection: &connection,
        store: store.as_ref(),
        path: &path,
        journal,
        recovered,
        times,
        intent,
        terminal,
        health,
        after_canary,
        next_steps,
    };
    carry_out(resumed, Signals::new()?, printer, results).await
}

fn no_terminal() -> CliError {
    CliError::usage("confirmation required, but no terminal is available; nothing was sent")
        .hint("add --yes to resume without a question, or --dry-run to see what would be sent")
}

/// A health check: its command and its time limit.
type HealthCommand = (String, Duration);

/// Returns the health check of a rolling run, from its journal or the options.
fn callbacks(
    args: &Resume,
    global: &Global,
    run: &RunRecord,
    printer: &Printer,
) -> Result<(Option<HealthCommand>, Option<AfterCanary>), CliError> {
    let rolling = run.rolling.as_ref();
    let health = match (
        &args.health_cmd,
        rolling.and_then(|record| record.health.as_ref()),
    ) {
        (None, None) => None,
        (Some(_), None) => {
            return Err(CliError::usage(
                "the run of this journal has no health check for --health-cmd to replace",
            ));
        }
        (Some(command), Some(_)) => Some(command.clone()),
        (None, Some(known)) if known.trim().is_empty() => {
            return Err(CliError::usage(
                "the journal does not contain the command of its health check",
            )
            .hint("name the command with --health-cmd; nothing was sent"));
        }
        (None, Some(known)) => {
            printer.always(&format!("health check, from the journal: {known}"));
            Some(known.clone())
        }
    };
    if let Some(command) = &health {
        health::check_exists(command)?;
    }
    let asks =
        rolling.is_some_and(|record| record.rules().canary == Some(rolling::AfterCanary::Ask));
    let after_canary = asks.then(|| {
        if args.yes {
            return AfterCanary::Yes;
        }
        let terminal = Terminal::open(!global.read_from_stdin().is_empty());
        terminal.map_or(AfterCanary::Nobody, AfterCanary::Asked)
    });
    let known = rolling.and_then(|record| record.health_timeout_ms);
    let within = args.health_timeout.or(known.map(Duration::from_millis));
    let health = health.map(|command| (command, within.unwrap_or(HEALTH_TIMEOUT)));
    Ok((health, after_canary))
}

/// Prints what is left of the run.
fn announce(recovered: &Recovered, path: &Path, printer: &Printer) {
    let accepted = recovered.accepted_requests();
    let watched: usize = accepted.iter().map(|request| request.servers.len()).sum();
    let unknown = recovered.unknown_requests();
    let unknown: usize = unknown.iter().map(|request| request.servers.len()).sum();
    printer.note(&format!(
        "resuming run {} from {}: {} of {} servers done, {watched} to wait for, {} to send, {unknown} unknown",
        recovered.run().run_id,
        path.display(),
        recovered.final_outcomes().count(),
        recovered.run().servers.len(),
        recovered.unsent().len(),
    ));
    if let Some(stop) = stopped_before(recovered) {
        printer.note(&stop);
    }
    if let Some(stopped) = recovered.stop_request() {
        printer.note(&format!(
            "the run was stopped ({stopped}) and is now continued"
        ));
    }
    let now = Timestamp::now();
    let is_old = |at: Timestamp| {
        Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > JOBS_ARE_KEPT)
    };
    let old = accepted
        .iter()
        .filter_map(|request| request.ticket.accepted_at());
    if let Some(oldest) = old.filter(|at| is_old(*at)).min() {
        printer.warn(&format!(
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
