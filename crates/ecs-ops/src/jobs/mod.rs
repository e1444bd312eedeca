//! Waiting for jobs.

mod schedule;
mod wait;

use std::time::Duration;

use ecs_model::{Job, JobId, JobStatus, ShowJob};
use http::StatusCode;
use tokio::time::Instant;

use crate::client::Inner;
use crate::clock::after;
use crate::exec::{Failure, Scope};
use crate::policy::{History, Judgement};
use crate::report::Problem;

pub use schedule::Polling;
pub use wait::{JobEnd, JobWait, WaitedJob};

/// A job that was just accepted may be unknown to the query for a moment.
const GRACE_FOR_NEW: Duration = Duration::from_secs(60);
/// A job that somebody else made is probably not that new.
const GRACE_FOR_FOUND: Duration = Duration::from_secs(5);
/// How often a refusal is doubted that does not say that the job is unknown, or does not look like the service's.
const REFUSALS: u32 = 3;

/// What a look at a job showed.
#[derive(Debug)]
pub(crate) enum Look {
    /// It goes on.
    Goes(Job),
    /// It ended.
    Ended(Job),
    /// The service does not know it yet.
    NotYet,
    /// Nothing: looking is tried again after this time.
    Trouble(Problem, Duration),
    /// The service does not know it (any more).
    Lost(Problem),
    /// We may not look.
    Denied(Problem),
}

/// One job that is watched: when it is looked at next.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) job_id: JobId,
    new_until: Instant,
    looks: u32,
    refusals: u32,
    /// What happened since a look succeeded.
    history: History,
    next: Instant,
}

impl Watched {
    fn new(job_id: JobId, first: Duration, grace: Duration) -> Self {
        Self {
            job_id,
            new_until: after(grace),
            looks: 0,
            refusals: 0,
            history: History::default(),
            next: after(first),
        }
    }

    /// Says what an answer to the query means, and when to look next.
    fn read(&mut self, answer: Result<Job, Failure>, polling: &Polling) -> Look {
        self.looks = self.looks.saturating_add(1);
        self.next = after(polling.pause(self.looks));
        let failure = match answer {
            Ok(job) => {
                (self.refusals, self.history) = (0, History::default());
                return match job.status {
                    Some(JobStatus::Success | JobStatus::Fail) => Look::Ended(job),
                    // INIT, RUNNING, and statuses that no page lists.
                    _ => Look::Goes(job),
                };
            }
            Err(failure) => failure,
        };
        if let Some(pause) = failure.look_again {
            self.next = after(pause);
            return Look::Trouble(failure.problem, pause);
        }
        let denied = failure.judgement == Judgement::RefusedCredentials;
        if denied && failure.authentic {
            return Look::Denied(failure.problem);
        }
        let unknown = says_unknown_job(&failure);
        if unknown && Instant::now() < self.new_until {
            return Look::NotYet;
        }
        self.refusals += 1;
        if self.refusals < REFUSALS && !(unknown && failure.authentic) {
            let pause = self.next.saturating_duration_since(Instant::now());
            return Look::Trouble(failure.problem, pause);
        }
        match denied {
            true => Look::Denied(failure.problem),
            false if unknown => Look::Lost(
                failure
                    .problem
                    .because("the service does not know the job")
                    .and("finished jobs are deleted after about a day"),
            ),
            false => Look::Lost(failure.problem.because("the job could not be looked at")),
        }
    }
}

fn says_unknown_job(failure: &Failure) -> bool {
    const UNKNOWN_JOB: &str = "Common.0011";
    failure.status == Some(StatusCode::NOT_FOUND)
        || failure.problem.code.as_deref() == Some(UNKNOWN_JOB)
}

impl Inner {
    /// Watches a job that was just accepted.
    pub(crate) fn watch_accepted(&self, job_id: JobId) -> Watched {
        Watched::new(job_id, self.polling.pause(0), self.scaled(GRACE_FOR_NEW))
    }

    /// Watches a job of which nothing is known: it is looked at right away.
    pub(crate) fn watch_found(&self, job_id: JobId) -> Watched {
        Watched::new(job_id, Duration::ZERO, self.scaled(GRACE_FOR_FOUND))
    }

    /// Waits until it is time, looks at the job once, and says when to look next.
    pub(crate) async fn look(&self, mut watched: Watched) -> (Watched, Look) {
        tokio::time::sleep_until(watched.next).await;
        // The semaphore is never closed; if it were, the query would just not be bounded.
        let _permit = self.queries.acquire().await.ok();
        // Until the credentials are known to be good, one at a time: a refusal ends the others before they are sent.
        let alone = self.alone.lock().await;
        let _alone = (!self.contact.is_welcome()).then_some(alone);
        let mut scope = Scope::look(watched.history);
        let answer = self
            .execute(&ShowJob::new(watched.job_id.clone()), &mut scope)
            .await;
        watched.history = scope.history();
        let look = watched.read(answer, &self.polling);
        (watched, look)
    }
}

#[cfg(test)]
mod tests;
