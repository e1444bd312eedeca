//! Watches jobs that this or another process submitted.

mod events;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::JobId;
use tokio::sync::watch;

use super::event::{JobEnd, JobEvent, WatchedJob};
use crate::control::Control;
use crate::ticket::JobTicket;
use crate::{Client, Error};

pub use events::JobEvents;

impl Client {
    /// Watches a job until it ends. The first poll is immediate.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the ticket belongs to another project or
    /// endpoint.
    ///
    /// ```
    /// # use ecs_ops::{Client, Error, JobEvent, JobTicket};
    /// # async fn example(client: Client, ticket: JobTicket) -> Result<(), Error> {
    /// let watch = client.watch(ticket)?;
    /// let mut events = watch.events();
    /// if let Some(JobEvent::Polled { job, .. }) = events.next().await {
    ///     println!("it is {:?} now", job.status);
    /// }
    /// let end = watch.await;
    /// println!("{:?}: {:?}", end.end, end.servers);
    /// # Ok(()) }
    /// ```
    pub fn watch(&self, ticket: impl Into<JobTicket>) -> Result<JobWatch, Error> {
        let ticket = ticket.into();
        let job_id = ticket.job_id().clone();
        let all = self.watch_all([ticket])?;
        Ok(JobWatch { job_id, all })
    }

    /// Watches jobs until all have ended. The first polls are immediate.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_all<T: Into<JobTicket>>(
        &self,
        tickets: impl IntoIterator<Item = T>,
    ) -> Result<JobsWatch, Error> {
        let tickets: Arc<[JobTicket]> = tickets.into_iter().map(Into::into).collect();
        let (endpoint, project) = (self.0.core.endpoint(), self.0.core.project());
        for ticket in tickets.iter() {
            if let Some(origin) = ticket
                .origin()
                .filter(|origin| !origin.is_at(endpoint, project))
            {
                let elsewhere = origin.endpoint.as_deref().unwrap_or("any endpoint");
                return Err(Error::invalid(format!(
                    "job {} is of project {} at {elsewhere}, not of {project} at {endpoint}: use a client of its project, or \
                     JobTicket::at_any_endpoint if the service is reached by another name",
                    ticket.job_id(),
                    origin.project_id,
                )));
            }
        }
        Ok(JobsWatch {
            client: self.clone(),
            tickets,
            limits: watch::Sender::default(),
            control: Control::without_journal(),
        })
    }
}

/// The watch of one job: await it for its result. Dropping it does not affect the job.
#[derive(Debug)]
#[must_use = "a watch does nothing unless it is awaited"]
pub struct JobWatch {
    job_id: JobId,
    all: JobsWatch,
}

/// The watch of several jobs: await it for their results. Dropping it does not affect the jobs.
#[derive(Debug)]
#[must_use = "a watch does nothing unless it is awaited"]
pub struct JobsWatch {
    client: Client,
    tickets: Arc<[JobTicket]>,
    /// Shared with its events, also with those that were taken before.
    limits: watch::Sender<WatchLimits>,
    control: Control,
}

/// How long jobs are watched.
#[derive(Clone, Copy, Debug, Default)]
struct WatchLimits {
    deadline: Option<Duration>,
    stall_limit: Option<Duration>,
}

impl JobWatch {
    /// Limits the time to wait. Default: as long as the service knows the job.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.all = self.all.deadline(deadline);
        self
    }

    /// Stops watching when the job makes no progress for this long.
    pub fn stalled_after(mut self, stall_limit: Duration) -> Self {
        self.all = self.all.stalled_after(stall_limit);
        self
    }

    /// The events of this watch. They may outlive it; polls are shared.
    pub fn events(&self) -> JobEvents {
        self.all.events()
    }

    /// Cancels the watch and its [`events`](Self::events). The job continues.
    pub fn cancel(&self) {
        self.all.cancel();
    }

    /// A handle whose [`end`](Control::end) [cancels](Self::cancel) the watch.
    pub fn control(&self) -> Control {
        self.all.control()
    }
}

impl JobsWatch {
    /// The longest time to wait, from when it is awaited, and its [`events`](Self::events) from
    /// when the first one is. Without it, as long as the service knows the jobs.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.limits
            .send_modify(|limits| limits.deadline = Some(deadline));
        self
    }

    /// Stops watching a job that makes no progress for this long.
    pub fn stalled_after(self, stall_limit: Duration) -> Self {
        self.limits
            .send_modify(|limits| limits.stall_limit = Some(stall_limit));
        self
    }

    /// The events of this watch. They may outlive it; polls are shared.
    pub fn events(&self) -> JobEvents {
        JobEvents::new(self)
    }

    /// Cancels the watch and its [`events`](Self::events). The jobs continue.
    pub fn cancel(&self) {
        self.control.end();
    }

    /// A handle whose [`end`](Control::end) [cancels](Self::cancel) the watch.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    async fn wait(self) -> Vec<WatchedJob> {
        let mut events = self.events();
        // Only ended jobs are held in memory.
        let mut ends: BTreeMap<usize, WatchedJob> = BTreeMap::new();
        while let Some((index, event)) = events.step().await {
            if let JobEvent::Ended(end) = event {
                ends.insert(index, end);
            }
        }
        ends.into_values().collect()
    }
}

impl IntoFuture for JobsWatch {
    type Output = Vec<WatchedJob>;
    type IntoFuture = BoxFuture<'static, Vec<WatchedJob>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

impl IntoFuture for JobWatch {
    type Output = WatchedJob;
    type IntoFuture = BoxFuture<'static, WatchedJob>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            // There is exactly one ticket, and each ends.
            self.all.await.pop().unwrap_or_else(|| WatchedJob {
                job_id: self.job_id,
                end: JobEnd::Cancelled(None),
                servers: Vec::new(),
            })
        })
    }
}

#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod tests;
