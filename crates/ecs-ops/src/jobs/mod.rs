//! Waiting for jobs.

mod schedule;
mod wait;

use ecs_model::{Job, JobId, JobStatus, ShowJob};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Inner;
use crate::exec::{Failure, Scope};
use crate::policy::Judgement;
use crate::report::Problem;

pub use schedule::Polling;
pub use wait::{JobEnd, JobWait, WaitedJob};

/// A job that was just accepted may be unknown to the query for a moment.
const GRACE_FOR_NEW: Duration = Duration::from_secs(60);
/// A job that somebody else made is probably not that new.
const GRACE_FOR_FOUND: Duration = Duration::from_secs(5);

/// What a look at a job showed.
#[derive(Debug)]
pub(crate) enum Look {
    /// It goes on.
    Goes(Job),
    /// It ended.
    Ended(Job),
    /// The service does not know it yet.
    NotYet,
    /// The service does not know it (any more).
    Lost(Problem),
    /// We may not look.
    Denied(Problem),
}

/// Says what an answer to a job query means; `new`: the job may be too new to be known.
pub(crate) fn read(answer: Result<Job, Failure>, new: bool) -> Look {
    match answer {
        Ok(job) => match job.status {
            Some(JobStatus::Success | JobStatus::Fail) => Look::Ended(job),
            // INIT, RUNNING, and statuses that no page lists.
            _ => Look::Goes(job),
        },
        Err(failure) => match failure.judgement {
            Judgement::RefusedCredentials => Look::Denied(failure.problem),
            _ if new => Look::NotYet,
            _ => Look::Lost(Problem {
                code: failure.problem.code,
                message: format!(
                    "the service does not know the job: {} (finished jobs are deleted after about a day)",
                    failure.problem.message
                ),
            }),
        },
    }
}

/// One job that is watched: when it is looked at next.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) job_id: JobId,
    new_until: Instant,
    looks: u32,
    next: Instant,
}

impl Watched {
    /// A job that was just accepted.
    pub(crate) fn accepted(job_id: JobId, polling: &Polling) -> Self {
        let now = Instant::now();
        Self {
            job_id,
            new_until: now + GRACE_FOR_NEW,
            looks: 0,
            next: now + polling.pause(0),
        }
    }

    /// A job of which nothing is known: it is looked at right away.
    pub(crate) fn found(job_id: JobId) -> Self {
        let now = Instant::now();
        Self {
            job_id,
            new_until: now + GRACE_FOR_FOUND,
            looks: 0,
            next: now,
        }
    }
}

impl Inner {
    /// Waits until it is time, looks at the job, and says when to look next.
    pub(crate) async fn look(&self, mut watched: Watched) -> (Watched, Look) {
        tokio::time::sleep_until(watched.next).await;
        // The semaphore is never closed; if it were, the query would just not be bounded.
        let _permit = self.queries.acquire().await.ok();
        let answer = self
            .execute(
                &ShowJob::new(watched.job_id.clone()),
                &mut Scope::patient_read(),
            )
            .await;
        watched.looks = watched.looks.saturating_add(1);
        let look = read(answer, Instant::now() < watched.new_until);
        watched.next = Instant::now() + self.polling.pause(watched.looks);
        (watched, look)
    }
}

#[cfg(test)]
mod tests;
