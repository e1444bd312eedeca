//! The watcher: one task that polls all jobs of a client for all subscribers.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ecs_client::clock::until;
use ecs_client::{
    Classification, Client, Problem, RequestContext, RequestError, RetryState, StopCause,
};
use ecs_model::{Job, JobId, ShowJob};
use futures_util::future::{AbortHandle, Abortable, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::StatusCode;
use tokio::runtime::Id;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span};

use super::latest::UpdateSender;
use super::poll_state::{PollOutcome, WatchEnd};
use super::registry::{WatcherCommand, WatcherRegistry};
use super::rejections::{MAX_REJECTIONS, Rejections};
use super::scheduler::{JobKey, PollResult, PollScheduler, SubscriberId};
use super::{GATEWAY, JobUpdate, observe};

/// A poll that takes longer is no refusal, so another one may start before the credentials are
/// known to be good.
const SLOW: Duration = Duration::from_secs(5);
/// The pause before the next poll after the transport panicked.
const AFTER_A_PANIC: Duration = Duration::from_secs(10);

/// The pause of all polls after the credentials were rejected for the first time.
const AFTER_A_REJECTION: Duration = Duration::from_secs(5);

/// The state of the watcher task.
struct WatcherTask {
    registry: Arc<WatcherRegistry>,
    scheduler: PollScheduler,
    subscribers: HashMap<u64, UpdateSender>,
    in_flight: HashMap<JobKey, AbortHandle>,
    rejections: Rejections,
    /// `true` if the service showed a job.
    shown: bool,
}

/// Runs the watcher.
pub(super) async fn run_watcher(
    registry: Arc<WatcherRegistry>,
    runtime: Id,
    mut commands: UnboundedReceiver<WatcherCommand>,
) {
    let mut run_watcher = WatcherTask {
        scheduler: PollScheduler::new(registry.options.polling.clone()),
        subscribers: HashMap::new(),
        in_flight: HashMap::new(),
        rejections: Rejections::default(),
        shown: false,
        registry,
    };
    let mut polls = FuturesUnordered::new();
    let mut sent = Instant::now();
    loop {
        if run_watcher.scheduler.is_empty() {
            let mut watchers = run_watcher.registry.watchers();
            let Ok(command) = commands.try_recv() else {
                watchers.remove(&runtime);
                return;
            };
            drop(watchers);
            run_watcher.handle(command);
            continue;
        }
        // Only one poll runs until the credentials are known to be good: a refusal cancels the
        // others before they are sent.
        let held_until = run_watcher.rejections.held_until();
        let concurrent_queries = run_watcher.registry.options.concurrent_queries;
        let accepted = run_watcher.registry.client.health().credentials_accepted();
        let at_once = if held_until.is_some() {
            0
        } else if accepted && !run_watcher.rejections.any() {
            concurrent_queries
        } else if accepted || sent.elapsed() < SLOW {
            1
        } else {
            (run_watcher.in_flight.len() + 1).min(concurrent_queries)
        };
        while run_watcher.in_flight.len() < at_once
            && let Some((key, job_id, history)) =
                run_watcher.scheduler.take_due(run_watcher.registry.now())
        {
            sent = Instant::now();
            let (handle, registration) = AbortHandle::new_pair();
            run_watcher.in_flight.insert(key, handle);
            let poll = Abortable::new(
                poll(run_watcher.registry.client.clone(), job_id, history),
                registration,
            );
            polls.push(async move { (key, poll.await) });
        }
        let due = if held_until.is_some() {
            held_until
        } else if run_watcher.in_flight.len() < at_once {
            run_watcher
                .scheduler
                .next_due()
                .and_then(|due| run_watcher.registry.instant(due))
        } else if run_watcher.in_flight.len() < concurrent_queries {
            sent.checked_add(SLOW)
                .filter(|_| !run_watcher.registry.client.health().credentials_accepted())
        } else {
            None
        };
        tokio::select! {
            biased;
            Some(command) = commands.recv() => run_watcher.handle(command),
            Some((key, polled)) = polls.next() => {
                // Aborted polls are ignored.
                if let Ok((answer, history)) = polled {
                    run_watcher.in_flight.remove(&key);
                    run_watcher.polled(key, answer, history);
                }
            }
            () = until(due) => {}
        }
    }
}

/// Polls a job once.
async fn poll(
    client: Client,
    job_id: Arc<JobId>,
    history: RetryState,
) -> (Result<Job, RequestError>, RetryState) {
    let polling = async {
        let mut context = RequestContext::poll(history);
        let operation = ShowJob::new(JobId::clone(&job_id));
        let answer = client.execute(&operation, &mut context).await;
        let answer = answer.and_then(|job| of_this_job(job, &job_id));
        (answer, context.state())
    };
    let polling = polling.instrument(debug_span!("poll", job = %job_id));
    // A panic of the transport over one job must not stop the others.
    let polled = AssertUnwindSafe(polling).catch_unwind().await;
    polled.unwrap_or_else(|_| {
        let problem = Problem::new("the transport panicked");
        let failure = RequestError::new(Classification::Transient, problem)
            .with_stop_cause(StopCause::Deferred(AFTER_A_PANIC));
        (Err(failure), history)
    })
}

/// Refuses the description of another job: it proves nothing about this one.
fn of_this_job(job: Job, asked: &JobId) -> Result<Job, RequestError> {
    job.answer_to(asked).map_err(|shown| {
        let message = format!("the answer shows another job ({shown})");
        RequestError::new(Classification::Refused, Problem::new(message))
    })
}

impl WatcherTask {
    fn handle(&mut self, command: WatcherCommand) {
        match command {
            WatcherCommand::Open(id, sender) => {
                self.subscribers.insert(id, sender);
            }
            WatcherCommand::Subscribe(subscriber_id, job_id, options) => {
                let (registry, scheduler) = (&self.registry, &mut self.scheduler);
                let (now, durations) = (registry.now(), registry.durations());
                registry.client.with_rng(|rng| {
                    scheduler.watch(now, job_id, subscriber_id, options, &durations, rng)
                });
            }
            WatcherCommand::Unsubscribe(subscriber_id, job_id) => {
                self.unwatch(subscriber_id, &job_id)
            }
            WatcherCommand::Close(id, jobs) => {
                self.subscribers.remove(&id);
                for (number, job_id) in jobs {
                    self.unwatch((id, number), &job_id);
                }
            }
        }
    }

    fn unwatch(&mut self, subscriber_id: SubscriberId, job_id: &JobId) {
        if let Some(key) = self.scheduler.unwatch(job_id, subscriber_id)
            && let Some(poll) = self.in_flight.remove(&key)
        {
            poll.abort();
        }
    }

    fn polled(&mut self, key: JobKey, answer: Result<Job, RequestError>, history: RetryState) {
        let registry = Arc::clone(&self.registry);
        let (outcome, snapshot) = observe(&registry.client, &answer);
        let outcome = self.doubt(outcome, answer.as_ref().err());
        let poll = PollResult {
            outcome,
            snapshot,
            history,
        };
        let now = registry.now();
        let decision = {
            let (scheduler, mut durations) = (&mut self.scheduler, registry.durations());
            registry
                .client
                .with_rng(|rng| scheduler.polled(now, key, poll, &mut durations, rng))
        };
        let update = match (answer, decision.end) {
            (Ok(job), Some(_)) => JobUpdate::Ended(Arc::new(job)),
            (Ok(job), None) => JobUpdate::Running(Arc::new(job)),
            (Err(failure), Some(end)) => self.refused(failure, end),
            (Err(_), None) if outcome == (PollOutcome::NotFound { authentic: true }) => {
                JobUpdate::NotFoundYet
            }
            (Err(failure), None) => {
                JobUpdate::QueryFailed(failure.into_problem(), decision.next_in)
            }
        };
        self.notify(&decision.subscribers, &update);
        self.notify(&decision.stalled, &JobUpdate::Stalled);
    }

    /// A single odd answer is not the end: a refusal of credentials that were good before is doubted. A page of an
    /// intermediary says nothing about the job if the service itself answered this client before.
    fn doubt(&mut self, outcome: PollOutcome, failure: Option<&RequestError>) -> PollOutcome {
        let client = &self.registry.client;
        if failure.is_some_and(RequestError::is_of_intermediary)
            && client.health().credentials_accepted()
            && !matches!(outcome, PollOutcome::Inconclusive(_))
        {
            return PollOutcome::Inconclusive(client.scaled(GATEWAY));
        }
        match outcome {
            PollOutcome::Denied { authentic } => {
                let client = &self.registry.client;
                let forbidden =
                    |failure: &RequestError| failure.status() == Some(StatusCode::FORBIDDEN);
                let is_doubted = if failure.is_some_and(forbidden) {
                    self.shown
                } else {
                    let pause = client.scaled(AFTER_A_REJECTION);
                    self.rejections.add(pause) < MAX_REJECTIONS
                        && client.health().credentials_accepted()
                };
                PollOutcome::Denied {
                    authentic: authentic && !is_doubted,
                }
            }
            PollOutcome::Inconclusive(_) => outcome,
            PollOutcome::Found { .. } => {
                self.shown = true;
                self.rejections = Rejections::default();
                outcome
            }
            PollOutcome::NotFound { .. } | PollOutcome::Refused => {
                self.rejections = Rejections::default();
                outcome
            }
        }
    }

    fn refused(&mut self, failure: RequestError, end: WatchEnd) -> JobUpdate {
        let status = failure.status();
        let problem = failure.into_problem();
        match end {
            WatchEnd::Denied if status == Some(StatusCode::FORBIDDEN) => JobUpdate::Hidden(problem),
            WatchEnd::Denied => {
                // Other polls would be refused alike, and a rejected signature must not be
                // repeated.
                for (_, poll) in self.in_flight.drain() {
                    poll.abort();
                }
                let denied = JobUpdate::Denied(problem);
                let others = self.scheduler.close();
                self.notify(&others, &denied);
                denied
            }
            WatchEnd::NotFound | WatchEnd::Finished => JobUpdate::Lost(
                problem
                    .because("the service does not know the job")
                    .and("finished jobs are deleted after about a day"),
            ),
            WatchEnd::Refused => JobUpdate::Lost(problem.because("the job could not be queried")),
        }
    }

    fn notify(&self, subscribers: &[SubscriberId], update: &JobUpdate) {
        for (id, number) in subscribers {
            if let Some(subscriber_id) = self.subscribers.get(id) {
                subscriber_id.send(*number, update.clone());
            }
        }
    }
}
