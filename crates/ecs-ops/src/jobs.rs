//! Waits for jobs: thousands at once, by one task.
//!
//! | item | is |
//! |---|---|
//! | [`JobWatcher`] | watches the jobs of a client; [`watch`](JobWatcher::watch) takes a [`JobTicket`](crate::JobTicket) of this or another process |
//! | [`JobWatch`] | the jobs of one call: [`until_done`](JobWatch::until_done), or their [events](JobWatch::events) |
//! | [`JobEvents`], [`JobEvent`] | what happens to watched jobs, as a stream |
//! | [`WatchedJob`], [`JobEnd`] | the end of a job, or the reason why it is unknown |
//! | [`Polling`] | when jobs are polled, and when a job counts as stalled |
//!
//! Inside:
//!
//! - `polling`: when to poll, and how long jobs usually take
//! - `poll_state`: one job: what a poll means, and when the next one is due. Pure
//! - `scheduler`: all watched jobs, their subscribers, and when each is due. Pure
//! - `watcher`: the task around the scheduler; `registry`: the watchers of a client;
//!   `subscription`, `latest`: how others use them
//! - `outcomes`: the outcomes that a job reports for its servers. Pure
//! - `watch`, `event`: the items above

mod compact_duration;
mod event;
mod latest;
mod outcomes;
mod poll_state;
mod polling;
mod registry;
mod rejections;
mod scheduler;
mod subscription;
mod watch;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use ecs_client::{Classification, Client, Problem, RequestError, StopCause};
use ecs_model::{ErrorInfo, Job, JobStatus};
use http::StatusCode;
use jiff::Timestamp;

use self::poll_state::{Completion, PollOutcome};
use self::scheduler::JobSnapshot;

pub use event::{JobEnd, JobEvent, WatchedJob};
pub use polling::Polling;
pub use watch::{JobEvents, JobWatch, JobWatcher};

pub(crate) use outcomes::{job_outcomes, undocumented, unreported};
pub(crate) use registry::{JobsOptions, WatcherRegistry};
pub(crate) use subscription::{Subscription, WatchOptions};

/// The pause before the next poll after the gateway found no route.
const GATEWAY: Duration = Duration::from_secs(10);

/// The result of a poll of a job.
#[derive(Clone, Debug)]
pub(crate) enum JobUpdate {
    /// The job is running.
    Running(Arc<Job>),
    /// The service does not know the job yet.
    NotFoundYet,
    /// The poll failed; the next one follows after this pause.
    QueryFailed(Problem, Duration),
    /// The job ended.
    Ended(Arc<Job>),
    /// The job made no progress for longer than the subscriber's limit.
    Stalled,
    /// The service does not know the job (any more), or does not show it.
    Lost(Problem),
    /// The service does not show this job to these credentials.
    Hidden(Problem),
    /// The service refused the query; it would refuse those of other jobs, too.
    Denied(Problem),
}

impl JobUpdate {
    fn is_final(&self) -> bool {
        match self {
            Self::Running(_) | Self::NotFoundYet | Self::QueryFailed(..) => false,
            Self::Ended(_) | Self::Stalled | Self::Lost(_) | Self::Hidden(_) | Self::Denied(_) => {
                true
            }
        }
    }
}

/// Interprets the answer to a job query.
fn observe(
    client: &Client,
    answer: &Result<Job, RequestError>,
) -> (PollOutcome, Option<JobSnapshot>) {
    let failure = match answer {
        Ok(job) => {
            let over = if !outcomes::is_over(job) {
                Completion::Running
            } else if outcomes::contradicts_itself(job) {
                Completion::Contradictory
            } else {
                Completion::Finished
            };
            let began = time(job.begin_time.as_deref());
            let now = client.clock().remote_at(client.clock().now());
            let age = between(began, now).map(|age| client.scaled(age));
            let snapshot = JobSnapshot {
                progress: progress(job),
                kind: job.job_type.clone(),
                took: between(began, time(job.end_time.as_deref())).map(|took| client.scaled(took)),
            };
            return (PollOutcome::Found { over, age }, Some(snapshot));
        }
        Err(failure) => failure,
    };
    let authentic = failure.is_authentic();
    let outcome = match failure.stop_cause() {
        StopCause::Deferred(pause) => PollOutcome::Inconclusive(pause),
        _ if failure.classification() == Classification::RefusedCredentials => {
            PollOutcome::Denied { authentic }
        }
        _ if is_from_gateway(failure) => PollOutcome::Inconclusive(client.scaled(GATEWAY)),
        _ if says_unknown_job(failure) => PollOutcome::NotFound { authentic },
        _ => PollOutcome::Refused,
    };
    (outcome, None)
}

/// Returns `true` if the answer is about the job: a gateway also answers 404 about its routes.
fn says_unknown_job(failure: &RequestError) -> bool {
    const UNKNOWN_JOB: &str = "Common.0011";
    let code = failure.problem().code.as_deref();
    let documented = code.and_then(ErrorInfo::of).is_some();
    code == Some(UNKNOWN_JOB) || (failure.status() == Some(StatusCode::NOT_FOUND) && !documented)
}

/// Returns `true` if the gateway failed to route the query, which says nothing about the job.
fn is_from_gateway(failure: &RequestError) -> bool {
    let code = failure.problem().code.as_deref();
    code.is_some_and(ErrorInfo::is_of_gateway)
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    Duration::try_from(to?.duration_since(from?)).ok()
}

/// A number that grows with the job's status and with each finished sub-job.
fn progress(job: &Job) -> u64 {
    let rank = match &job.status {
        Some(JobStatus::Init) => 1,
        Some(status) if status.is_over() => 3,
        _ => 2,
    };
    let entities = job.entities.as_ref();
    let parts = entities.and_then(|entities| entities.sub_jobs.as_ref());
    let ended = parts
        .into_iter()
        .flatten()
        .filter(|part| part.status.as_ref().is_some_and(JobStatus::is_over));
    4 * ended.count() as u64 + rank
}
