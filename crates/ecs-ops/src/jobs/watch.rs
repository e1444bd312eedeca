//! Watching jobs that were accepted before: by this process or by another one.

mod events;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::JobId;

use super::event::{JobEnd, JobEvent, WatchedJob};
use crate::control::Control;
use crate::ticket::JobTicket;
use crate::{Client, Error};

pub use events::JobEvents;

impl Client {
    /// Watches a job until it ends. It is looked at right away.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the ticket is for another project or another service.
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

    /// Watches jobs until all have ended. They are looked at right away.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_all<T: Into<JobTicket>>(
        &self,
        tickets: impl IntoIterator<Item = T>,
    ) -> Result<JobsWatch, Error> {
        let tickets: Arc<[JobTicket]> = tickets.into_iter().map(Into::into).collect();
        let this_origin = self.origin();
        for ticket in tickets.iter() {
            if let Some(origin) = ticket.origin().filter(|origin| **origin != this_origin) {
                return Err(Error::invalid(format!(
                    "job {} is of project {} at {}, not of {} at {}",
                    ticket.job_id(),
                    origin.project_id,
                    origin.endpoint,
                    this_origin.project_id,
                    this_origin.endpoint
                )));
            }
        }
        Ok(JobsWatch {
            client: self.clone(),
            tickets,
            deadline: None,
            stall_limit: None,
            control: Control::new(),
        })
    }
}

/// The watching of one job: await it for how it ended. Dropping it stops only the watching.
#[derive(Debug)]
#[must_use = "a watch does nothing unless it is awaited"]
pub struct JobWatch {
    job_id: JobId,
    all: JobsWatch,
}

/// The watching of jobs: await it for how each ended. Dropping it stops only the watching.
#[derive(Debug)]
#[must_use = "a watch does nothing unless it is awaited"]
pub struct JobsWatch {
    client: Client,
    tickets: Arc<[JobTicket]>,
    deadline: Option<Duration>,
    stall_limit: Option<Duration>,
    control: Control,
}

impl JobWatch {
    /// The longest time to wait, from when it is awaited. Without it, as long as the service knows the job.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.all.deadline = Some(deadline);
        self
    }

    /// Ends the watching when the job has made no progress for so long.
    pub fn stalled_after(mut self, stall_limit: Duration) -> Self {
        self.all.stall_limit = Some(stall_limit);
        self
    }

    /// What happens on the way. It watches the job for itself; the looks at it are for both.
    pub fn events(&self) -> JobEvents {
        self.all.events()
    }

    /// Ends the watching, here and in its [`events`](Self::events); the job goes on.
    pub fn cancel(&self) {
        self.all.cancel();
    }

    /// A handle that [cancels](Self::cancel) by its [`end`](Control::end), from elsewhere.
    pub fn control(&self) -> Control {
        self.all.control()
    }
}

impl JobsWatch {
    /// The longest time to wait, from when it is awaited. Without it, as long as the service knows the jobs.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Ends the watching of a job that has made no progress for so long.
    pub fn stalled_after(mut self, stall_limit: Duration) -> Self {
        self.stall_limit = Some(stall_limit);
        self
    }

    /// What happens on the way. It watches the jobs for itself; the looks at them are for both.
    pub fn events(&self) -> JobEvents {
        JobEvents::new(self)
    }

    /// Ends the watching, here and in its [`events`](Self::events); the jobs go on.
    pub fn cancel(&self) {
        self.control.end();
    }

    /// A handle that [cancels](Self::cancel) by its [`end`](Control::end), from elsewhere.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    async fn wait(self) -> Vec<WatchedJob> {
        let mut events = self.events();
        // Nothing is held of those that have not ended.
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
            // There is one ticket, and each ends.
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
