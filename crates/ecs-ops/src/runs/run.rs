//! Runs: from the start to the report.

use std::collections::{HashMap, HashSet};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::{BoxFuture, ResolvedTarget};
use ecs_client::clock::until;
use ecs_client::{Problem, SendState, SubmissionOutcome};
use ecs_model::ServerId;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument as _, info_span};

use super::builder::RunBuilder;
use super::callbacks::{CanaryQuestion, HealthCheck};
use super::driver::{Driver, WaitLimits};
use super::preflight::{Obstacle, Preflight};
use super::state::{Resumption, RunState};
use crate::control::{Control, Level, RecordGuard};
use crate::event::{Event, Events, Sink};
use crate::fleet::{SkippedServer, UnreadyServer};
use crate::journal::{ErrorRecord, OutcomeRecord, Purpose, Record, RunJournal, ServerSnapshot};
use crate::report::{Outcome, Report, ServerReport, Stopped};
use crate::{Client, journal::ServerNames};

/// A run that has begun: await it for its [`Report`], or [`spawn`](Self::spawn) it.
///
/// The run works within that future, except that the client polls jobs in one background task,
/// which ends when no job is watched. Dropping the future ends the run: nothing more is sent, and
/// accepted requests continue at the service. A [`Control`] ends it with a report.
#[derive(Debug)]
#[must_use = "a run does nothing unless it is awaited or spawned"]
pub struct Run {
    pub(super) state: RunState,
    pub(super) resumed: Resumption,
    pub(super) before: Vec<ServerSnapshot>,
    pub(super) log: RunJournal,
    pub(super) client: Client,
    pub(super) deadline: Option<Duration>,
    pub(super) wait: bool,
    pub(super) stalled_after: Option<Duration>,
    pub(super) escalate_hang: Option<Duration>,
    pub(super) verify: Option<Duration>,
    pub(super) reconcile: bool,
    pub(super) traces: Option<Client>,
    pub(super) reconcile_limit: Duration,
    pub(super) preflight: Preflight,
    pub(super) health: Option<HealthCheck>,
    pub(super) question: Option<CanaryQuestion>,
    pub(super) control: Control,
    pub(super) guard: RecordGuard,
    pub(super) sink: Sink,
    pub(super) target: Option<ResolvedTarget>,
    pub(super) skipped: Vec<SkippedServer>,
    pub(super) unready: Vec<UnreadyServer>,
    pub(super) names: ServerNames,
}

impl Run {
    /// The id of this run.
    pub fn run_id(&self) -> &str {
        self.state.run_id()
    }

    /// Subscribes to the events of this run. Each call makes one more reader.
    pub fn events(&self) -> Events {
        self.control.events()
    }

    /// A handle that stops the run.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    async fn drive(self) -> Report {
        let deadline = self
            .deadline
            .and_then(|deadline| Instant::now().checked_add(deadline));
        let Self {
            mut state,
            resumed,
            before,
            log,
            client,
            wait,
            stalled_after,
            escalate_hang,
            verify,
            reconcile,
            traces,
            reconcile_limit,
            preflight,
            health,
            question,
            control,
            guard: _guard,
            sink,
            target,
            skipped,
            unready,
            names,
            ..
        } = self;
        if verify.is_some() {
            state.enable_verification();
        }
        sink.emit(state.planned());
        apply_preflight(preflight, &mut state, &control, &sink);
        let driver = Driver {
            client: &client,
            control: &control,
            sink: &sink,
            log: &log,
            poll_control: &Control::new(),
            before: &before,
            wait,
            reconcile,
            traces: traces.as_ref(),
            reconcile_limit,
            health: health.as_ref(),
            question: question.as_ref(),
            limits: WaitLimits {
                deadline,
                stalled_after: Some(
                    stalled_after.unwrap_or_else(|| default_stall_limit(&client, escalate_hang)),
                ),
            },
            verify,
        };
        let mut send_states = HashMap::new();
        let ended = tokio::select! {
            biased;
            () = record_stop(&log, &control, &sink) => None,
            () = until(deadline) => Some(Stopped::Deadline),
            () = driver.work(&mut state, &mut send_states, resumed) => None,
        };
        // Records that were being written when the run was cut short still come.
        let until = Instant::now() + LAST_RECORDS;
        drop(timeout(LAST_RECORDS / 2, log.finish_writes()).await);
        driver.accept_as_recorded(&mut state, &mut send_states);
        let stopped = ended.or_else(|| stopped_by(&control));
        let underway = servers_underway(&state, &send_states);
        let hard = unsent_hard_restarts(&state, &send_states);
        let closed = state.close(stopped, wait, |request| {
            submission_outcome(send_states.get(&request))
        });
        let mut report = Report {
            target,
            skipped,
            ..closed
        };
        complete(&mut report, &names, unready);
        let end = RunEnd {
            report: &report,
            control: &control,
            underway: &underway,
            hard,
        };
        // Writing the end may exceed the deadline only a little.
        drop(timeout_at(until, end.write(&log)).await);
        if report.stopped == Some(Stopped::Deadline) {
            sink.emit(Event::stopping(Stopped::Deadline));
        }
        report
    }
}

/// Emits what was found before the run. If that is an obstacle nothing is sent.
fn apply_preflight(preflight: Preflight, state: &mut RunState, control: &Control, sink: &Sink) {
    preflight
        .events
        .into_iter()
        .for_each(|event| sink.emit(event));
    if let Some(obstacle) = preflight.obstacle {
        match obstacle {
            Obstacle::Credentials(problem) => state.refuse(problem),
            Obstacle::Unreachable(problem) => state.unreachable(problem),
        }
        control.halt();
    }
}

/// The limit of time without progress of a job. One whose servers may hang is watched for longer than
/// they do.
fn default_stall_limit(client: &Client, escalate_hang: Option<Duration>) -> Duration {
    let hang = escalate_hang.unwrap_or_default();
    let limit = RunBuilder::DEFAULT_STALLED_AFTER.saturating_add(hang);
    client.0.core.scaled(limit)
}

/// Returns the stop of a run that ended by itself: a run that was asked to stop ends when its jobs
/// do.
fn stopped_by(control: &Control) -> Option<Stopped> {
    if control.level() == Level::Suspended {
        return Some(Stopped::Suspended);
    }
    control.is_stop_asked().then(|| Stopped::Requested {
        reason: control.reason(),
    })
}

/// Adds the names of servers to a report, and the servers that were not ready.
fn complete(report: &mut Report, names: &ServerNames, unready: Vec<UnreadyServer>) {
    for server in &mut report.servers {
        if let Some(name) = names.get(server.id) {
            server.name = Some(name.to_owned());
        }
    }
    let not_ready = unready.iter().map(UnreadyServer::report);
    report.servers.extend(not_ready);
    report.unready.splice(..0, unready);
}

/// The longest wait past the deadline for records: the first one, and the last ones.
pub(super) const LAST_RECORDS: Duration = Duration::from_secs(2);

/// Records a requested stop, before it is reported. Returns when the run is to end
/// at once.
async fn record_stop(log: &RunJournal, control: &Control, sink: &Sink) {
    control.reached(Level::NoMoreSubmissions).await;
    if !control.is_stop_asked() {
        sink.emit(Event::stopping(Stopped::Suspended));
        control.stop_asked().await;
    }
    let stopped = Stopped::Requested {
        reason: control.reason(),
    };
    if !control.is_recorded() {
        let record = || Record::Stopping {
            reason: stopped.to_string(),
            cause: Some(stopped.clone()),
        };
        // A journal that hangs does not keep the run from its end.
        let given_up = async {
            control.reached(Level::End).await;
            tokio::time::sleep(LAST_RECORDS).await;
        };
        tokio::select! {
            biased;
            written = log.write(record) => match written {
                Ok(()) if log.is_kept() => control.set_recorded(),
                _ => control.will_not_be_recorded(),
            },
            () = given_up => {}
        }
    }
    sink.emit(Event::stopping(stopped));
    control.reached(Level::End).await;
}

/// The servers of requests that were cut off.
fn servers_underway(
    state: &RunState,
    send_states: &HashMap<usize, Arc<SendState>>,
) -> HashSet<ServerId> {
    let requests = send_states.keys();
    requests
        .flat_map(|request| state.servers(*request))
        .copied()
        .collect()
}

/// Returns the outcome of a request that was cut off.
fn submission_outcome(send_state: Option<&Arc<SendState>>) -> SubmissionOutcome {
    match send_state {
        Some(send_state) => send_state.outcome(),
        None => SubmissionOutcome::Unknown(Problem::new(
            "the run lost track of this request: please report this",
        )),
    }
}

/// Hard restarts that were cut off before they were sent; the report has the outcome of the soft
/// restart for them.
fn unsent_hard_restarts(
    state: &RunState,
    send_states: &HashMap<usize, Arc<SendState>>,
) -> Vec<ServerReport> {
    let mut hard: Vec<_> = send_states.iter().collect();
    hard.retain(|(request, _)| state.purpose(**request) == Purpose::Escalate);
    let not_sent = hard.into_iter().flat_map(|(request, send_state)| {
        let submission_outcome = send_state.outcome();
        let servers = state.servers(*request).iter();
        servers.filter_map(move |id| match &submission_outcome {
            SubmissionOutcome::NotExecuted(error) => {
                let error = error.clone();
                Some(ServerReport::new(*id, Outcome::NotAttempted { error }))
            }
            SubmissionOutcome::Unknown(_) => None,
        })
    });
    not_sent.collect()
}

/// The end of a run, to be written down.
struct RunEnd<'a> {
    report: &'a Report,
    control: &'a Control,
    /// The servers of requests that were cut off.
    underway: &'a HashSet<ServerId>,
    hard: Vec<ServerReport>,
}

impl RunEnd<'_> {
    async fn write(self, log: &RunJournal) -> Result<(), Problem> {
        // Requests that were cut off before anything was sent.
        let free = self.report.servers.iter().filter(|server| {
            self.underway.contains(&server.id)
                && matches!(server.outcome, Outcome::NotAttempted { .. })
        });
        let servers = free.chain(&self.hard).filter_map(OutcomeRecord::of);
        let servers: Vec<_> = servers.collect();
        if !servers.is_empty() {
            log.write(|| Record::Outcomes { servers }).await?;
        }
        // A requested stop binds the resumed run, whatever else ended the run.
        let asked = self.control.is_stop_asked().then(|| Stopped::Requested {
            reason: self.control.reason(),
        });
        let asked = asked.filter(|_| !self.control.is_recorded());
        let is_suspended = self.control.level() == Level::Suspended;
        let ended_by = self
            .report
            .stopped
            .as_ref()
            .filter(|stopped| !is_suspended && !matches!(stopped, Stopped::Requested { .. }));
        for stopped in asked.iter().chain(ended_by) {
            let record = || Record::Stopping {
                reason: stopped.to_string(),
                cause: Some(stopped.clone()),
            };
            log.write(record).await?;
        }
        if asked.is_some() && log.is_kept() {
            self.control.set_recorded();
        }
        // A suspended run with something left to do has not ended.
        if is_suspended && self.report.stopped.is_some() {
            return Ok(());
        }
        if let Some(refused) = &self.report.refused {
            let error = ErrorRecord::from(refused);
            log.write(|| Record::Refused { error }).await?;
        }
        log.write(|| Record::Ended {}).await
    }
}

impl IntoFuture for Run {
    type Output = Report;
    type IntoFuture = BoxFuture<'static, Report>;

    fn into_future(self) -> Self::IntoFuture {
        let (action, servers) = (self.state.action(), self.state.requested());
        let span = info_span!(
            "run",
            run_id = self.run_id(),
            action = action.name(),
            servers
        );
        Box::pin(self.drive().instrument(span))
    }
}
