//! `resume`.

use std::path::Path;
use std::time::Duration;

use ecs_ops::OnUnknown;
use ecs_ops::journal::{
    Contents, JournalError, JournalErrorKind, JsonlJournal, Recovered, RunRecord,
};
use ecs_ops::rolling::{self, StopReason, WaveAction};
use jiff::Timestamp;

use super::conclude::{Ending, conclude};
use super::execute::{AfterCanary, Callbacks, execute};
use super::go_on::GoOn;
use crate::args::{Global, HEALTH_TIMEOUT, Resume};
use crate::confirm::Terminal;
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::signals::Signals;
use crate::term::{Notes, Results};

/// For about so long the service knows a job after its end.
const JOBS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn run(
    args: &Resume,
    mut global: Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let (journal, contents) = JsonlJournal::open(&args.journal).map_err(|error| fail(&error))?;
    if let Some(tail) = contents.tail {
        notes.note(&format!(
            "line {} of the journal is incomplete ({} bytes) and was removed: the run was killed while writing it",
            tail.line, tail.bytes
        ));
    }
    let recovered = recover(contents)?;
    let run = recovered.run();
    let (health, after_canary) = callbacks(args, &global, run, notes)?;
    let go_on = GoOn::of_resume(args, &global);
    if global.project_id.is_none() && !global.sim {
        global.project_id = Some(run.project.clone());
    }
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        otherwise: Some(run.endpoint.clone()),
        fails_soon: false,
    };
    let connection = connect(&global, &settings, notes).await?;
    say(&recovered, &args.journal, notes);
    if global.sim && !recovered.accepted_requests().is_empty() {
        notes.note("the simulator with the jobs of this run has ended: the result of accepted servers stays unknown");
    }
    super::preflight::resumed(&recovered, args, &connection, notes).await?;
    let unready = run.unready.iter().map(|server| server.id).collect();
    let (reconciles, rolling) = (args.reconcile || run.reconcile, run.rolling.is_some());
    let builder = connection.client.resume(journal, recovered);
    // Whoever types `resume` asks for the rest, also of a run that was stopped.
    let mut builder = builder
        .map_err(|error| Fail::usage(error.to_string()))?
        .continue_stopped();
    if args.reconcile {
        builder = builder.on_unknown(OnUnknown::Reconcile);
    }
    if let Some(limit) = args.reconcile_after {
        builder = builder.reconcile_after(limit);
    }
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline);
    }
    let (builder, callbacks) = Callbacks::attach(builder, health, after_canary);
    let plan = builder
        .plan()
        .map_err(|error| Fail::with_hint(&error, error.problem().to_string()))?;
    let signals = Signals::new()?;
    let format = args.output.format;
    let ended = execute(plan, callbacks, format, signals, notes, results).await?;
    let ending = Ending {
        format,
        no_wait: false,
        reconciled: reconciles,
        rolling,
        go_on,
        unready,
        connection: &connection,
    };
    Ok(conclude(&ended, ending, notes, results))
}

/// What a rolling run asks, as its journal says.
fn callbacks(
    args: &Resume,
    global: &Global,
    run: &RunRecord,
    notes: &Notes,
) -> Result<(Option<(String, Duration)>, Option<AfterCanary>), Fail> {
    let rolling = run.rolling.as_ref();
    let health = match (&args.health_cmd, rolling.and_then(|it| it.health.as_ref())) {
        (None, None) => None,
        (Some(_), None) => {
            return Err(Fail::usage(
                "the run of this journal has no health check for --health-cmd to replace",
            ));
        }
        (Some(command), Some(_)) => Some(command.clone()),
        (None, Some(words)) if words.trim().is_empty() => {
            return Err(Fail::usage(
                "the journal does not contain the command of its health check",
            )
            .hint("name the command with --health-cmd; nothing was sent"));
        }
        (None, Some(words)) => {
            notes.always(&format!("health check, from the journal: {words}"));
            Some(words.clone())
        }
    };
    let asks = rolling.is_some_and(|it| it.rules().canary == Some(rolling::AfterCanary::Ask));
    let terminal = || Terminal::open(!global.read_from_stdin().is_empty());
    let after_canary = asks.then(|| match args.yes {
        true => AfterCanary::Yes,
        false => terminal().map_or(AfterCanary::Nobody, AfterCanary::Asked),
    });
    let known = rolling.and_then(|it| it.health_timeout_ms);
    let within = args.health_timeout.or(known.map(Duration::from_millis));
    let health = health.map(|command| (command, within.unwrap_or(HEALTH_TIMEOUT)));
    Ok((health, after_canary))
}

fn recover(contents: Contents) -> Result<Recovered, Fail> {
    Recovered::from_entries(contents.entries).map_err(|error| fail(&error))
}

/// What lies before the run.
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
    if let Some(words) = stopped_before(recovered) {
        notes.note(&words);
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
             after their end; the result of deleted jobs stays unknown"
        ));
    }
}

/// What becomes of the reason that a rolling run stopped for.
fn stopped_before(recovered: &Recovered) -> Option<String> {
    let WaveAction::Stop(reason) = recovered.rolling()?.action() else {
        return None;
    };
    let now = match (&reason, recovered.is_ended()) {
        (StopReason::Failures { .. }, true) => "the count of failures starts again at zero",
        (StopReason::Canary, true) => "the remaining waves are sent",
        (StopReason::Failures { .. } | StopReason::Canary, false) => {
            "the process was killed before it reported that; nothing is sent now, resume again to continue"
        }
        (StopReason::Unhealthy { .. }, _) => "the health is checked again",
        _ => "the question is asked again",
    };
    Some(format!("the run stopped: {reason}; {now}"))
}

/// Why a journal cannot be used, and what to do.
pub(super) fn fail(error: &JournalError) -> Fail {
    let fail = Fail::usage(chain(error));
    match error.kind() {
        JournalErrorKind::InUse => fail.hint("wait for the other process to end, or stop it"),
        JournalErrorKind::Exists => {
            fail.hint("ecsctl resume continues that run; a new run needs a new file")
        }
        JournalErrorKind::Damaged | JournalErrorKind::Contradiction => fail.hint(
            "nothing was sent, because continuing could act on servers twice. Check the servers, and start a new run with those that need it",
        ),
        _ => fail,
    }
}
