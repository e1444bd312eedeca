//! Waiting for jobs: thousands at once, by one task.
//!
//! - `schedule`: when to look, and how long jobs usually take
//! - `machine`: one job; what a look means, and what follows. Pure
//! - `book`: all jobs that are watched, for whom, and when each is due. Pure
//! - `watcher`: the task around the books; `hub`: where a client keeps it; `subscription`, `inbox`: how others use it
//! - `verdict`: what a job says about its servers. Pure
//! - `watch` (its `events`): what users of the library see

mod book;
mod event;
mod hub;
mod inbox;
mod machine;
mod schedule;
mod subscription;
mod verdict;
mod watch;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use ecs_client::{Classification, Client, Problem, RequestError, StopCause};
use ecs_model::{ErrorInfo, Job, JobStatus};
use http::StatusCode;
use jiff::Timestamp;

use self::book::Sight;
use self::machine::{Observation, Over};

pub use event::{JobEnd, JobEvent, WatchedJob};
pub use schedule::Polling;
pub use watch::{JobEvents, JobWatch, JobsWatch};

pub(crate) use hub::{Hub, JobsOptions};
pub(crate) use subscription::{Subscription, Watch};
pub(crate) use verdict::{undocumented, untold, verdicts};

/// When a job is looked at again that the gateway found no way to.
const GATEWAY: Duration = Duration::from_secs(10);

/// What was seen of a job.
#[derive(Clone, Debug)]
pub(crate) enum Sighting {
    /// It goes on.
    Goes(Arc<Job>),
    /// The service does not know it yet.
    NotYet,
    /// Nothing: looking is tried again after this time.
    Trouble(Problem, Duration),
    /// It ended.
    Ended(Arc<Job>),
    /// It has made no progress for as long as its reader would wait.
    Stalled,
    /// The service does not know it (any more), or will not show it.
    Lost(Problem),
    /// We may not look.
    Denied(Problem),
}

impl Sighting {
    /// The status that was seen.
    pub(crate) fn status(&self) -> Option<JobStatus> {
        match self {
            Self::Goes(job) | Self::Ended(job) => job.status.clone(),
            _ => None,
        }
    }

    fn is_the_end(&self) -> bool {
        match self {
            Self::Goes(_) | Self::NotYet | Self::Trouble(..) => false,
            Self::Ended(_) | Self::Stalled | Self::Lost(_) | Self::Denied(_) => true,
        }
    }
}

/// What an answer to the query means.
fn observe(client: &Client, answer: &Result<Job, RequestError>) -> (Observation, Option<Sight>) {
    let failure = match answer {
        Ok(job) => {
            let over = match verdict::is_over(job) {
                false => Over::No,
                true if verdict::contradicts_itself(job) => Over::Doubtful,
                true => Over::Yes,
            };
            let began = time(job.begin_time.as_deref());
            let now = client.clock().remote_at(client.clock().now());
            let age = between(began, now).map(|age| client.scaled(age));
            let sight = Sight {
                progress: progress(job),
                kind: job.job_type.clone(),
                took: between(began, time(job.end_time.as_deref())).map(|took| client.scaled(took)),
            };
            return (Observation::Seen { over, age }, Some(sight));
        }
        Err(failure) => failure,
    };
    let authentic = failure.is_authentic();
    let observation = match failure.stop_cause() {
        StopCause::Deferred(pause) => Observation::Trouble(pause),
        _ if failure.classification() == Classification::RefusedCredentials => {
            Observation::Denied { authentic }
        }
        _ if is_the_gateways(failure) => Observation::Trouble(client.scaled(GATEWAY)),
        _ if says_unknown_job(failure) => Observation::NotKnown { authentic },
        _ => Observation::Refused,
    };
    (observation, None)
}

/// Whether the answer speaks of the job: a gateway also says 404 of itself.
fn says_unknown_job(failure: &RequestError) -> bool {
    const UNKNOWN_JOB: &str = "Common.0011";
    let code = failure.problem().code.as_deref();
    let documented = code.and_then(ErrorInfo::of).is_some();
    code == Some(UNKNOWN_JOB) || (failure.status() == Some(StatusCode::NOT_FOUND) && !documented)
}

/// Whether it is the gateway that does not know where to go: that is weather.
fn is_the_gateways(failure: &RequestError) -> bool {
    let code = failure.problem().code.as_deref();
    code.is_some_and(|code| code.to_ascii_uppercase().starts_with("APIGW."))
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    Duration::try_from(to?.duration_since(from?)).ok()
}

/// Grows when a job makes progress: with its status, and with each part that has ended.
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
