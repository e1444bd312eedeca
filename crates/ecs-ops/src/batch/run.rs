//! A run: from its start to its report.

use std::collections::{HashMap, HashSet};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::{BoxFuture, ResolvedTarget};
use ecs_model::ServerId;
use tokio::time::Instant;

use super::callbacks::{HealthCheck, Question};
use super::driver::{Driver, Patience};
use super::machine::{Fate, Machine, Resumed};
use crate::Client;
use crate::clock::until;
use crate::control::{Control, Level};
use crate::event::{Events, Sink};
use crate::exec::Flight;
use crate::fleet::LeftOut;
use crate::journal::{Log, Purpose, Record, Seen, ServerVerdict};
use crate::report::{Outcome, Problem, Report, ServerReport, Stopped};

/// A run that is ready to go: await it for its [`Report`].
///
/// All of it happens within that future, but for looking at the jobs: the client has one task for that, which ends when
/// nobody watches a job any more. Dropping the future ends the run: nothing more is sent, and what was accepted goes on at
/// the service. A [`Control`] ends it with a report.
#[derive(Debug)]
#[must_use = "a run does nothing unless it is awaited"]
pub struct Run {
    pub(super) machine: Machine,
    pub(super) resumed: Resumed,
    pub(super) before: Vec<Seen>,
    pub(super) log: Log,
    pub(super) client: Client,
    pub(super) deadline: Option<Duration>,
    pub(super) wait: bool,
    pub(super) stalled_after: Option<Duration>,
    pub(super) verify: Option<Duration>,
    pub(super) reconcile: bool,
    pub(super) health: Option<HealthCheck>,
    pub(super) question: Option<Question>,
    pub(super) control: Control,
    pub(super) sink: Sink,
    pub(super) target: Option<ResolvedTarget>,
    pub(super) left_out: Vec<LeftOut>,
}

impl Run {
    /// The random id of this run.
    pub fn run_id(&self) -> &str {
        self.machine.run_id()
    }

    /// What happens on the way. Each call makes one more reader.
    pub fn events(&mut self) -> Events {
        self.sink.subscribe()
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
            mut machine,
            resumed,
            before,
            log,
            client,
            wait,
            stalled_after,
            verify,
            reconcile,
            health,
            question,
            control,
            sink,
            target,
            left_out,
            ..
        } = self;
        if verify.is_some() {
            machine.verify();
        }
        sink.emit(machine.planned());
        let driver = Driver {
            client: &client,
            control: &control,
            sink: &sink,
            log: &log,
            looking: &Control::new(),
            before: &before,
            wait,
            reconcile,
            health: health.as_ref(),
            question: question.as_ref(),
            patience: Patience {
                deadline,
                stalled_after,
            },
            verify,
        };
        let mut flights = HashMap::new();
        let stopped = tokio::select! {
            biased;
            () = control.reached(Level::End) => Some(Stopped::Asked),
            () = until(deadline) => Some(Stopped::Deadline),
            () = driver.work(&mut machine, &mut flights, resumed) => None,
        };
        // A run that submitted nothing more, because it was asked to, ends by itself when its jobs do.
        let asked = control.level() >= Level::NoMoreSubmissions;
        let stopped = stopped.or_else(|| asked.then_some(Stopped::Asked));
        let underway = flights.keys().flat_map(|batch| machine.servers(*batch));
        let underway: HashSet<ServerId> = underway.copied().collect();
        let hard = hard_ones_not_sent(&machine, &flights);
        let closed = machine.close(stopped, wait, |batch| match flights.get(&batch) {
            Some(flight) => flight.fate(),
            None => Fate::Unknown(Problem::new(
                "the run lost track of this batch: please report this",
            )),
        });
        let report = Report {
            target,
            left_out,
            ..closed
        };
        // Nothing outlives the deadline for long.
        let end = write_the_end(&log, &report, &underway, hard);
        drop(tokio::time::timeout(Duration::from_secs(2), end).await);
        report
    }
}

/// Hard restarts that were cut off before anything was sent: of their servers the report says how the soft one ended.
fn hard_ones_not_sent(
    machine: &Machine,
    flights: &HashMap<usize, Arc<Flight>>,
) -> Vec<ServerReport> {
    let mut hard: Vec<_> = flights.iter().collect();
    hard.retain(|(batch, _)| machine.purpose(**batch) == Purpose::Escalate);
    let not_sent = hard.into_iter().flat_map(|(batch, flight)| {
        let fate = flight.fate();
        let servers = machine.servers(*batch).iter();
        servers.filter_map(move |id| match &fate {
            Fate::NotExecuted(error) => {
                let error = error.clone();
                Some(ServerReport::new(*id, Outcome::NotAttempted { error }))
            }
            Fate::Unknown(_) => None,
        })
    });
    not_sent.collect()
}

/// Writes down how a run ended.
async fn write_the_end(
    log: &Log,
    report: &Report,
    underway: &HashSet<ServerId>,
    hard: Vec<ServerReport>,
) -> Result<(), Problem> {
    // A request that was cut off before anything was sent.
    let free = report.servers.iter().filter(|server| {
        underway.contains(&server.id) && matches!(server.outcome, Outcome::NotAttempted { .. })
    });
    let servers: Vec<_> = free.chain(&hard).filter_map(ServerVerdict::of).collect();
    if !servers.is_empty() {
        log.write(|| Record::Verdicts { servers }).await?;
    }
    if let Some(stopped) = &report.stopped {
        let reason = stopped.to_string();
        log.write(|| Record::Stopping { reason }).await?;
    }
    log.write(|| Record::Ended {}).await
}

impl IntoFuture for Run {
    type Output = Report;
    type IntoFuture = BoxFuture<'static, Report>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.drive())
    }
}
