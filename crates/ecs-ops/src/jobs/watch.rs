//! Waits for jobs that this or another process submitted.

mod events;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::event::{JobEvent, WatchedJob};
use super::{JobsOptions, Polling, WatcherRegistry};
use crate::Error;
use crate::ticket::JobTicket;

pub use events::JobEvents;

/// Waits for jobs, with no more than a client of single requests: all that a tool needs that waits
/// for what others submitted.
///
/// One task polls all jobs of a watcher and its clones, however many there are. A
/// [`Client`](crate::Client) has its own: [`Client::watch`](crate::Client::watch).
///
/// ```no_run
/// # async fn example(client: ecs_client::Client, id: ecs_ops::model::JobId) -> Result<(), ecs_ops::Error> {
/// let watcher = ecs_ops::JobWatcher::new(client);
/// for job in watcher.watch([id])?.until_done().await {
///     println!("{}: {:?}", job.job_id, job.end);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct JobWatcher(Arc<WatcherRegistry>);

impl JobWatcher {
    /// The most job queries in flight of a watcher.
    const CONCURRENT_QUERIES: usize = 16;

    /// A watcher that polls with this client, as often as [`Polling`] says by default.
    pub fn new(client: ecs_client::Client) -> Self {
        Self::polling_as(client, Polling::default())
    }

    /// A watcher that polls this often.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): a pause is zero, or the longest one is below
    /// the shortest.
    pub fn with_polling(client: ecs_client::Client, polling: Polling) -> Result<Self, Error> {
        polling.check()?;
        Ok(Self::polling_as(client, polling))
    }

    fn polling_as(client: ecs_client::Client, polling: Polling) -> Self {
        let options = JobsOptions {
            polling: polling.scaled(client.time_factor()),
            concurrent_queries: Self::CONCURRENT_QUERIES,
        };
        Self::of_registry(Arc::new(WatcherRegistry::new(client, options)))
    }

    pub(crate) fn of_registry(registry: Arc<WatcherRegistry>) -> Self {
        Self(registry)
    }

    /// Watches jobs, each named by its ticket or its id. The first polls are immediate.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): a ticket belongs to another project or
    /// endpoint.
    pub fn watch<T: Into<JobTicket>>(
        &self,
        tickets: impl IntoIterator<Item = T>,
    ) -> Result<JobWatch, Error> {
        let tickets: Arc<[JobTicket]> = tickets.into_iter().map(Into::into).collect();
        let client = &self.0.client;
        let (endpoint, project) = (client.endpoint(), client.project());
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
        Ok(JobWatch {
            registry: Arc::clone(&self.0),
            tickets,
            settings: watch::Sender::default(),
        })
    }
}

impl crate::Client {
    /// Watches jobs, each named by its ticket or its id. The first polls are immediate.
    ///
    /// # Errors
    /// As [`JobWatcher::watch`].
    ///
    /// ```
    /// # use ecs_ops::{Client, Error, JobTicket, jobs::JobEvent};
    /// # async fn example(client: Client, ticket: JobTicket) -> Result<(), Error> {
    /// let watch = client.watch([ticket])?;
    /// let mut events = watch.events();
    /// if let Some(JobEvent::Polled { job, .. }) = events.next().await {
    ///     println!("it is {:?} now", job.status);
    /// }
    /// for job in watch.until_done().await {
    ///     println!("{:?}: {:?}", job.end, job.servers);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch<T: Into<JobTicket>>(
        &self,
        tickets: impl IntoIterator<Item = T>,
    ) -> Result<JobWatch, Error> {
        JobWatcher::of_registry(Arc::clone(&self.0.registry)).watch(tickets)
    }
}

/// The watch of some jobs. Dropping it does not affect the jobs; clones watch the same jobs with
/// the same limits.
#[derive(Clone, Debug)]
#[must_use = "a watch does nothing until it is waited for or its events are read"]
pub struct JobWatch {
    registry: Arc<WatcherRegistry>,
    tickets: Arc<[JobTicket]>,
    /// Shared with its events, also with those that were taken before.
    settings: watch::Sender<WatchSettings>,
}

/// The limits for watching jobs.
#[derive(Clone, Copy, Debug, Default)]
struct WatchSettings {
    deadline: Option<Duration>,
    stall_limit: Option<Duration>,
    is_cancelled: bool,
}

impl JobWatch {
    /// The longest time to wait: of [`until_done`](Self::until_done) from its first poll, of
    /// [`events`](Self::events) from when the first one is requested. Without it, as long as the
    /// service knows the jobs.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.settings
            .send_modify(|settings| settings.deadline = Some(deadline));
        self
    }

    /// Stops watching a job that makes no progress for this long.
    pub fn stalled_after(self, stall_limit: Duration) -> Self {
        self.settings
            .send_modify(|settings| settings.stall_limit = Some(stall_limit));
        self
    }

    /// The events of this watch. They may outlive it; polls are shared.
    pub fn events(&self) -> JobEvents {
        JobEvents::new(self)
    }

    /// Cancels the watch, its clones and their [`events`](Self::events). The jobs continue.
    pub fn cancel(&self) {
        self.settings
            .send_modify(|settings| settings.is_cancelled = true);
    }

    /// Waits until each job has ended or is given up: one result for each ticket, in their order.
    pub async fn until_done(&self) -> Vec<WatchedJob> {
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

#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod tests;
