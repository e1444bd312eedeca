//! Watching jobs that were accepted before: by this process or by another one.

use std::collections::{BTreeMap, VecDeque};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{Job, JobId, JobStatus, ServerId};
use tokio::time::Instant;

use super::Sighting;
use super::event::{JobEnd, JobEvent, WatchedJob};
use super::subscription::{Subscription, Watch};
use super::ticket::JobTicket;
use super::verdict::{is_documented, verdicts};
use crate::clock::until;
use crate::control::{Control, Level};
use crate::report::{Outcome, Problem, ServerReport};
use crate::{Client, Error};

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
    /// if let Some(JobEvent::Seen { job, .. }) = events.next().await {
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
        let here = self.place();
        for ticket in tickets.iter() {
            if let Some(place) = ticket.place().filter(|place| **place != here) {
                return Err(Error::invalid(format!(
                    "job {} is of project {} at {}, not of {} at {}",
                    ticket.job_id(),
                    place.project_id,
                    place.endpoint,
                    here.project_id,
                    here.endpoint
                )));
            }
        }
        Ok(JobsWatch {
            client: self.clone(),
            tickets,
            deadline: None,
            patience: None,
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
    patience: Option<Duration>,
    control: Control,
}

impl JobWatch {
    /// The longest time to wait, from when it is awaited. Without it, as long as the service knows the job.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.all.deadline = Some(deadline);
        self
    }

    /// Ends the watching when the job has made no progress for so long.
    pub fn stalled_after(mut self, patience: Duration) -> Self {
        self.all.patience = Some(patience);
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
    pub fn stalled_after(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// What happens on the way. It watches the jobs for itself; the looks at them are for both.
    pub fn events(&self) -> JobEvents {
        JobEvents {
            subscription: Subscription::new(Arc::clone(&self.client.0)),
            states: Vec::new(),
            open: 0,
            deadline: None,
            ready: VecDeque::new(),
            tickets: Arc::clone(&self.tickets),
            options: Some((self.deadline, self.patience)),
            control: self.control.clone(),
        }
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

/// What happens while jobs are watched. Of what a slow reader has not read, the newest of each job is kept.
#[derive(Debug)]
pub struct JobEvents {
    tickets: Arc<[JobTicket]>,
    subscription: Subscription,
    states: Vec<State>,
    /// How many have not ended.
    open: usize,
    deadline: Option<Instant>,
    ready: VecDeque<(usize, JobEvent)>,
    /// Until it begins.
    options: Option<(Option<Duration>, Option<Duration>)>,
    control: Control,
}

/// What is known of a job.
#[derive(Debug, Default)]
struct State {
    ended: bool,
    status: Option<JobStatus>,
    /// What became of those of its servers whose end it has told. What it told once stays.
    told: BTreeMap<ServerId, Outcome>,
    /// Whether it was said that its status is not documented.
    odd: bool,
    /// Whether it was said that it tells of others.
    warned: bool,
}

impl JobEvents {
    /// The next event; `None` when the watching of all jobs has ended. Cancel-safe: as a branch of `tokio::select!` it
    /// loses no event.
    pub async fn next(&mut self) -> Option<JobEvent> {
        self.step().await.map(|(_, event)| event)
    }

    async fn step(&mut self) -> Option<(usize, JobEvent)> {
        self.begin();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.open == 0 {
                return None;
            }
            tokio::select! {
                biased;
                // What was seen in time counts, however late it is read.
                seen = self.subscription.next() => match seen {
                    Some((index, sighting)) => self.seen(index, sighting),
                    // Each job that is open is watched.
                    None => self.end_all(&JobEnd::Cancelled),
                },
                () = self.control.reached(Level::End) => self.end_all(&JobEnd::Cancelled),
                () = until(self.deadline) => self.end_all(&JobEnd::Deadline),
            }
        }
    }

    fn begin(&mut self) {
        let Some((deadline, patience)) = self.options.take() else {
            return;
        };
        let now = Instant::now();
        self.deadline = deadline.and_then(|deadline| now.checked_add(deadline));
        self.open = self.tickets.len();
        self.states.reserve_exact(self.open);
        let wall = self.subscription.wall_clock();
        let began = |ticket: &JobTicket| {
            let age = wall.duration_since(ticket.accepted_at()?);
            now.checked_sub(Duration::try_from(age).ok()?)
        };
        for (index, ticket) in self.tickets.iter().enumerate() {
            self.states.push(State::default());
            let watch = Watch {
                began: began(ticket),
                kind: ticket.kind(),
                at_once: true,
                deadline: self.deadline,
                patience,
            };
            self.subscription
                .watch(index, ticket.job_id().clone(), watch);
        }
    }

    fn seen(&mut self, index: usize, sighting: Sighting) {
        let Some(job_id) = self
            .tickets
            .get(index)
            .map(|ticket| ticket.job_id().clone())
        else {
            return;
        };
        match sighting {
            Sighting::Goes(job) => self.look(index, &job, false),
            Sighting::Ended(job) => {
                self.look(index, &job, true);
                self.end(index, JobEnd::Ended(job));
            }
            Sighting::NotYet => self
                .ready
                .push_back((index, JobEvent::NotKnownYet { job_id })),
            Sighting::Trouble(error, retry_after) => {
                let event = JobEvent::QueryFailed {
                    job_id,
                    error,
                    retry_after,
                };
                self.ready.push_back((index, event));
            }
            Sighting::Stalled => {
                let status = self
                    .states
                    .get(index)
                    .and_then(|state| state.status.clone());
                self.end(index, JobEnd::Stalled(status));
            }
            Sighting::Lost(problem) => self.end(index, JobEnd::Lost(problem)),
            Sighting::Denied(problem) => self.end(index, JobEnd::Denied(problem)),
        }
    }

    /// A job was seen.
    fn look(&mut self, index: usize, job: &Arc<Job>, over: bool) {
        let (Some(ticket), Some(state)) = (self.tickets.get(index), self.states.get_mut(index))
        else {
            return;
        };
        let job_id = ticket.job_id().clone();
        if let Some(status) = job.status.clone()
            && !is_documented(&status)
            && !std::mem::replace(&mut state.odd, true)
        {
            let job_id = job_id.clone();
            let event = JobEvent::UndocumentedStatus { job_id, status };
            self.ready.push_back((index, event));
        }
        state.status.clone_from(&job.status);
        if !ticket.servers().is_empty() {
            let verdicts = verdicts(&job_id, ticket.servers(), job, over);
            for (id, outcome) in verdicts.told {
                state.told.entry(id).or_insert(outcome);
            }
            if !verdicts.strangers.is_empty() && !std::mem::replace(&mut state.warned, true) {
                let event = JobEvent::UnrequestedServers {
                    job_id: job_id.clone(),
                    servers: verdicts.strangers,
                };
                self.ready.push_back((index, event));
            }
        }
        let job = Arc::clone(job);
        self.ready
            .push_back((index, JobEvent::Seen { job_id, job }));
    }

    fn end(&mut self, index: usize, end: JobEnd) {
        let (Some(ticket), Some(state)) = (self.tickets.get(index), self.states.get_mut(index))
        else {
            return;
        };
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        self.open -= 1;
        self.subscription.unwatch(index);
        let job_id = ticket.job_id().clone();
        let rest = match &end {
            JobEnd::Ended(job) => {
                let doubt = verdicts(&job_id, ticket.servers(), job, true).doubt;
                let doubt = doubt.unwrap_or_else(|| Problem::new("it does not tell"));
                Outcome::Unknown {
                    job_id: Some(job_id.clone()),
                    error: doubt.because("the job is over and contradicts itself"),
                }
            }
            JobEnd::Lost(error) => Outcome::Unknown {
                job_id: Some(job_id.clone()),
                error: error.clone(),
            },
            JobEnd::Deadline(_) | JobEnd::Cancelled(_) | JobEnd::Stalled(_) | JobEnd::Denied(_) => {
                Outcome::Running {
                    job_id: job_id.clone(),
                }
            }
        };
        let mut told = std::mem::take(&mut state.told);
        let servers = ticket.servers().iter().map(|id| ServerReport {
            id: *id,
            outcome: told.remove(id).unwrap_or_else(|| rest.clone()),
        });
        let ended = WatchedJob {
            servers: servers.collect(),
            job_id,
            end,
        };
        self.ready.push_back((index, JobEvent::Ended(ended)));
    }

    fn end_all(&mut self, how: &dyn Fn(Option<JobStatus>) -> JobEnd) {
        for index in 0..self.states.len() {
            let status = self
                .states
                .get(index)
                .and_then(|state| state.status.clone());
            self.end(index, how(status));
        }
    }
}

#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod tests;
