//! Events of watched jobs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ecs_client::Problem;
use ecs_client::clock::{after, until};
use ecs_model::{Job, JobStatus, ServerId};
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{JobWatch, WatchSettings};
use crate::event::SIGN_OF_LIFE;
use crate::jobs::JobUpdate;
use crate::jobs::event::{JobEnd, JobEvent, WatchedJob};
use crate::jobs::outcomes::{job_outcomes, undocumented, unreported};
use crate::jobs::subscription::{Subscription, WatchOptions};
use crate::report::{Outcome, ServerReport};
use crate::ticket::JobTicket;

/// The events of watched jobs. For a slow reader only the latest event of each job is kept.
#[derive(Debug)]
pub struct JobEvents {
    tickets: Arc<[JobTicket]>,
    subscription: Subscription,
    states: Vec<WatchedState>,
    /// The number of jobs that have not ended.
    open: usize,
    deadline: Option<Instant>,
    ready: VecDeque<(usize, JobEvent)>,
    /// The time at which it began.
    began: Option<Instant>,
    settings: watch::Receiver<WatchSettings>,
    /// The time between signs of life.
    sign_pause: Duration,
    sign_at: Option<Instant>,
}

/// The state of a watched job.
#[derive(Debug, Default)]
struct WatchedState {
    ended: bool,
    status: Option<JobStatus>,
    /// The outcomes reported so far. The first one of a server is kept.
    reported: BTreeMap<ServerId, Outcome>,
    /// `true` if its undocumented status was reported.
    undocumented_reported: bool,
    /// `true` if its unrequested servers were reported.
    unrequested_reported: bool,
}

impl JobEvents {
    /// Events of this watch; it begins with the first [`next`](Self::next).
    pub(super) fn new(watch: &JobWatch) -> Self {
        Self {
            subscription: Subscription::new(Arc::clone(&watch.registry)),
            states: Vec::new(),
            open: 0,
            deadline: None,
            ready: VecDeque::new(),
            tickets: Arc::clone(&watch.tickets),
            began: None,
            settings: watch.settings.subscribe(),
            sign_pause: watch.registry.client.scaled(SIGN_OF_LIFE),
            sign_at: None,
        }
    }

    /// The next event; `None` when no job is watched any more. Cancel-safe: it loses no event as a
    /// branch of `tokio::select!`.
    pub async fn next(&mut self) -> Option<JobEvent> {
        self.begin();
        let sign_at = self.sign_at;
        tokio::select! {
            biased;
            event = self.step() => event.map(|(_, event)| event),
            () = until(sign_at) => {
                self.sign_at = Some(after(self.sign_pause));
                Some(JobEvent::Waiting { jobs: self.open })
            }
        }
    }

    /// Returns the events as a [`Stream`].
    ///
    /// ```
    /// # async fn example(watch: ecs_ops::jobs::JobWatch) {
    /// use futures_util::StreamExt as _;
    ///
    /// let first_two: Vec<_> = watch.events().into_stream().take(2).collect().await;
    /// # drop(first_two); }
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = JobEvent> + Send + Unpin + 'static {
        let next = async |mut events: Self| events.next().await.map(|event| (event, events));
        Box::pin(stream::unfold(self, next))
    }

    /// The next event, with the index of the job's ticket.
    pub(super) async fn step(&mut self) -> Option<(usize, JobEvent)> {
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
                // An update that arrived in time counts, however late it is read.
                on_update = self.subscription.next() => match on_update {
                    Some((index, update)) => self.on_update(index, update),
                    // Each open job is watched.
                    None => self.end_all(&JobEnd::Cancelled),
                },
                () = settings_changed(&mut self.settings) => self.apply_settings(),
                () = until(self.deadline) => self.end_all(&JobEnd::Deadline),
            }
        }
    }

    fn begin(&mut self) {
        if self.began.is_some() {
            return;
        }
        let now = Instant::now();
        self.began = Some(now);
        self.sign_at = Some(after(self.sign_pause));
        let settings = *self.settings.borrow();
        self.set_deadline(settings);
        self.open = self.tickets.len();
        self.states.reserve_exact(self.open);
        let wall = self.subscription.wall_clock();
        let began = |ticket: &JobTicket| {
            let age = wall.duration_since(ticket.accepted_at()?);
            now.checked_sub(Duration::try_from(age).ok()?)
        };
        for (index, ticket) in self.tickets.iter().enumerate() {
            self.states.push(WatchedState::default());
            let watch = WatchOptions {
                began: began(ticket),
                kind: ticket.kind(),
                at_once: true,
                deadline: self.deadline,
                stall_limit: settings.stall_limit,
            };
            self.subscription
                .watch(index, ticket.job_id().clone(), watch);
        }
        if settings.is_cancelled {
            self.end_all(&JobEnd::Cancelled);
        }
    }

    fn apply_settings(&mut self) {
        let settings = *self.settings.borrow_and_update();
        self.set_deadline(settings);
        if settings.is_cancelled {
            self.end_all(&JobEnd::Cancelled);
        }
    }

    fn set_deadline(&mut self, settings: WatchSettings) {
        self.deadline = self
            .began
            .zip(settings.deadline)
            .and_then(|(began, deadline)| began.checked_add(deadline));
    }

    fn on_update(&mut self, index: usize, update: JobUpdate) {
        let Some(job_id) = self
            .tickets
            .get(index)
            .map(|ticket| ticket.job_id().clone())
        else {
            return;
        };
        match update {
            JobUpdate::Running(job) => {
                self.on_poll(index, &job, false);
            }
            JobUpdate::Ended(job) => {
                let contradiction = self.on_poll(index, &job, true);
                self.end(index, JobEnd::Ended(job), contradiction);
            }
            JobUpdate::NotFoundYet => self
                .ready
                .push_back((index, JobEvent::NotFoundYet { job_id })),
            JobUpdate::QueryFailed(error, retry_after) => {
                let event = JobEvent::QueryFailed {
                    job_id,
                    error,
                    retry_after,
                };
                self.ready.push_back((index, event));
            }
            JobUpdate::Stalled => {
                let status = self
                    .states
                    .get(index)
                    .and_then(|state| state.status.clone());
                self.end(index, JobEnd::Stalled(status), None);
            }
            JobUpdate::Lost(problem) => self.end(index, JobEnd::Lost(problem), None),
            JobUpdate::Hidden(problem) | JobUpdate::Denied(problem) => {
                self.end(index, JobEnd::Denied(problem), None)
            }
        }
    }

    /// Applies a poll that showed the job. Returns why a finished job does not report all of its
    /// servers.
    fn on_poll(&mut self, index: usize, job: &Arc<Job>, over: bool) -> Option<Problem> {
        let (ticket, state) = (self.tickets.get(index)?, self.states.get_mut(index)?);
        let job_id = ticket.job_id().clone();
        if let Some(status) = undocumented(job, &mut state.undocumented_reported) {
            let job_id = job_id.clone();
            let event = JobEvent::UndocumentedStatus { job_id, status };
            self.ready.push_back((index, event));
        }
        state.status.clone_from(&job.status);
        let mut contradiction = None;
        if !ticket.servers().is_empty() {
            let mut job_outcomes = job_outcomes(&job_id, ticket.servers(), job, over);
            if let Some(servers) = job_outcomes.unrequested(&mut state.unrequested_reported) {
                let job_id = job_id.clone();
                let event = JobEvent::UnrequestedServers { job_id, servers };
                self.ready.push_back((index, event));
            }
            for (id, outcome) in job_outcomes.reported {
                state.reported.entry(id).or_insert(outcome);
            }
            contradiction = job_outcomes.contradiction;
        }
        let job = Arc::clone(job);
        self.ready
            .push_back((index, JobEvent::Polled { job_id, job }));
        contradiction
    }

    fn end(&mut self, index: usize, end: JobEnd, contradiction: Option<Problem>) {
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
            JobEnd::Ended(_) => unreported(&job_id, contradiction),
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
        let mut reported = std::mem::take(&mut state.reported);
        let servers = ticket.servers().iter().map(|id| {
            let outcome = reported.remove(id).unwrap_or_else(|| rest.clone());
            ServerReport::new(*id, outcome)
        });
        let ended = WatchedJob {
            servers: servers.collect(),
            job_id,
            end,
        };
        self.ready.push_back((index, JobEvent::Ended(ended)));
    }

    fn end_all(&mut self, end_of: &dyn Fn(Option<JobStatus>) -> JobEnd) {
        for index in 0..self.states.len() {
            let status = self
                .states
                .get(index)
                .and_then(|state| state.status.clone());
            self.end(index, end_of(status), None);
        }
    }
}

/// Waits until the settings of the watch change.
async fn settings_changed(settings: &mut watch::Receiver<WatchSettings>) {
    // The settings cannot change when the watch is gone.
    if settings.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
