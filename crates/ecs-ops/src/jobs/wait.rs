//! Waiting for jobs that somebody else made.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{Job, JobId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{Look, Watched};
use crate::Client;
use crate::clock::until;
use crate::control::{Control, Level};
use crate::report::Problem;

/// How the waiting for a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// The job ended: SUCCESS or FAIL.
    Ended(Job),
    /// The deadline came first, or the waiting was ended; the job as it was last seen.
    Deadline(Option<Job>),
    /// The service does not know the job.
    Lost(Problem),
    /// The service does not let us look.
    Denied(Problem),
}

/// One job of a [`JobWait`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitedJob {
    /// The job.
    pub job_id: JobId,
    /// How the waiting for it ended.
    pub end: JobEnd,
}

type Progress = Box<dyn FnMut(&JobId, &Job) + Send>;
type Trouble = Box<dyn FnMut(&JobId, &Problem, Duration) + Send>;

/// Waits for jobs: await it. Dropping it stops only the waiting.
#[must_use]
pub struct JobWait {
    client: Client,
    jobs: Vec<JobId>,
    deadline: Option<Duration>,
    progress: Progress,
    trouble: Trouble,
    control: Control,
}

impl fmt::Debug for JobWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobWait")
            .field("jobs", &self.jobs)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl JobWait {
    pub(crate) fn new(client: Client, jobs: Vec<JobId>) -> Self {
        Self {
            client,
            jobs,
            deadline: None,
            progress: Box::new(|_, _| {}),
            trouble: Box::new(|_, _, _| {}),
            control: Control::new(),
        }
    }

    /// The longest time to wait. Without it, as long as the service knows the jobs.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Is called after each look at a job.
    pub fn on_progress(mut self, progress: impl FnMut(&JobId, &Job) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Is called when a look at a job showed nothing, with the reason and the time until the next one.
    pub fn on_trouble(
        mut self,
        trouble: impl FnMut(&JobId, &Problem, Duration) + Send + 'static,
    ) -> Self {
        self.trouble = Box::new(trouble);
        self
    }

    /// A handle that ends the waiting: what has not ended then is reported as with a deadline.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    async fn wait(mut self) -> Vec<WaitedJob> {
        let deadline = self
            .deadline
            .and_then(|deadline| Instant::now().checked_add(deadline));
        let inner = &self.client.0;
        let mut ends: Vec<Option<JobEnd>> = self.jobs.iter().map(|_| None).collect();
        let mut seen: Vec<Option<Job>> = ends.iter().map(|_| None).collect();
        let look =
            |index: usize, watched: Watched| async move { (index, inner.look(watched).await) };
        let jobs = self.jobs.iter().cloned();
        let watched = jobs.map(|job_id| inner.watch_found(job_id)).enumerate();
        let mut looks: FuturesUnordered<_> = watched
            .map(|(index, watched)| look(index, watched))
            .collect();
        loop {
            let next = tokio::select! {
                biased;
                () = self.control.reached(Level::NoMoreSubmissions) => None,
                () = until(deadline) => None,
                next = looks.next() => next,
            };
            let Some((index, (watched, result))) = next else {
                break;
            };
            let (Some(end), Some(last)) = (ends.get_mut(index), seen.get_mut(index)) else {
                break;
            };
            match result {
                Look::Goes(job) => {
                    (self.progress)(&watched.job_id, &job);
                    *last = Some(job);
                    looks.push(look(index, watched));
                }
                Look::Trouble(problem, pause) => {
                    (self.trouble)(&watched.job_id, &problem, pause);
                    looks.push(look(index, watched));
                }
                Look::NotYet => looks.push(look(index, watched)),
                Look::Ended(job) => {
                    (self.progress)(&watched.job_id, &job);
                    *end = Some(JobEnd::Ended(job));
                }
                Look::Lost(problem) => *end = Some(JobEnd::Lost(problem)),
                Look::Denied(problem) => {
                    // The others would be told the same; and wrong signatures must not be repeated.
                    for end in ends.iter_mut().filter(|end| end.is_none()) {
                        *end = Some(JobEnd::Denied(problem.clone()));
                    }
                    break;
                }
            }
        }
        drop(looks);
        let ends = ends.into_iter().zip(seen);
        let ends = ends.map(|(end, last)| end.unwrap_or(JobEnd::Deadline(last)));
        self.jobs
            .into_iter()
            .zip(ends)
            .map(|(job_id, end)| WaitedJob { job_id, end })
            .collect()
    }
}

impl IntoFuture for JobWait {
    type Output = Vec<WaitedJob>;
    type IntoFuture = BoxFuture<'static, Vec<WaitedJob>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

#[cfg(test)]
mod tests;
