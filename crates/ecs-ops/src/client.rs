//! The client: who talks to which project of which service, and how.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_auth::CredentialsProvider;
use ecs_model::{
    Job, JobId, Operation, ProjectId, RebootType, Server, ServerId, ShowJob, ShowServer, StopType,
};
use ecs_transport::Transport;
use jiff::Timestamp;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::budget::Budget;
use crate::clock::{WallClock, scale};
use crate::contact::Contact;
use crate::exec::{Failure, Scope};
use crate::jobs::{Hub, Place};
use crate::journal::{Journal, Recovered};
use crate::pace::Pace;
use crate::report::PowerAction;
use crate::selection::Servers;
use crate::{Endpoint, Error, Polling, RetryPolicy, RunBuilder};

/// A client of one project of one service. Cheap to clone; clones share the quota.
///
/// See the [crate's front page](crate) for an example.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) endpoint: Endpoint,
    pub(crate) project: ProjectId,
    pub(crate) credentials: Arc<dyn CredentialsProvider>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) retry: RetryPolicy,
    pub(crate) polling: Polling,
    pub(crate) attempt_timeout: Duration,
    pub(crate) pace: Pace,
    /// The most job queries in flight.
    pub(crate) concurrent_queries: usize,
    pub(crate) budget: Budget,
    pub(crate) hub: Hub,
    pub(crate) concurrent_submissions: usize,
    pub(crate) clock: WallClock,
    time_factor: f64,
    pub(crate) user_agent: http::HeaderValue,
    /// The project, as a header.
    pub(crate) project_id: http::HeaderValue,
    pub(crate) contact: Contact,
    rng: Mutex<ChaCha8Rng>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint.to_string())
            .field("project", &self.0.project)
            .field("credentials", &self.0.credentials)
            .field("transport", &self.0.transport)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// How many servers the service lets an account restart, start or stop in a minute (vendor's batch pages).
    pub const SERVERS_PER_MINUTE: usize = 1000;

    /// Begins a client.
    pub fn builder(endpoint: Endpoint, project: ProjectId) -> ClientBuilder {
        ClientBuilder {
            endpoint,
            project,
            credentials: None,
            transport: None,
            retry: RetryPolicy::default(),
            polling: Polling::default(),
            attempt_timeout: Duration::from_secs(60),
            servers_per_minute: Self::SERVERS_PER_MINUTE,
            requests_per_second: 50,
            concurrent_queries: 16,
            concurrent_submissions: 4,
            time_factor: 1.0,
            seed: None,
            epoch: None,
            user_agent: concat!("ecs-ops/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Restarts servers.
    pub fn reboot(
        &self,
        kind: RebootType,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Reboot(kind), servers)
    }

    /// Starts servers.
    pub fn start(&self, servers: impl IntoIterator<Item = ServerId>) -> RunBuilder {
        self.run(PowerAction::Start, servers)
    }

    /// Stops servers; without a type the service stops them softly.
    pub fn stop(
        &self,
        kind: Option<StopType>,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Stop(kind), servers)
    }

    /// Does this to servers.
    pub fn run(
        &self,
        action: PowerAction,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        RunBuilder::new(self.clone(), action, servers.into_iter().collect())
    }

    /// Goes on with a run where its journal ends: waits for the jobs that were accepted, submits what was never sent, and
    /// leaves unknown what may have been sent without an answer, unless it is to be
    /// [reconciled](RunBuilder::reconcile). It has the settings of the run, but no deadline, and sends nothing of unknown fate again; both can be
    /// changed, and the report is
    /// about all servers of the run.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the journal is of another project or another service.
    pub fn resume(&self, journal: impl Journal, recovered: Recovered) -> Result<RunBuilder, Error> {
        RunBuilder::resume(self.clone(), Arc::new(journal), recovered)
    }

    /// Looks at one job, once.
    ///
    /// # Errors
    /// Refused (an unknown job: finished ones are deleted after about a day), or no readable answer after a few attempts.
    pub async fn job(&self, job_id: &JobId) -> Result<Job, Error> {
        self.read(&ShowJob::new(job_id.clone())).await
    }

    /// Where its jobs are.
    pub(crate) fn place(&self) -> Place {
        Place {
            endpoint: self.0.endpoint.to_string(),
            project_id: self.0.project.clone(),
        }
    }

    /// Looks at one server.
    ///
    /// # Errors
    /// Refused (no such server), or no readable answer after a few attempts.
    pub async fn server(&self, id: ServerId) -> Result<Server, Error> {
        let shown = self.read(&ShowServer::new(id)).await?;
        // Decoding made sure that it is there.
        shown
            .server
            .ok_or_else(|| Error::invalid("the answer holds no server"))
    }

    /// The servers of the project: awaited, all of them, page by page; or [those that are meant](Servers::select).
    ///
    /// # Errors
    /// When awaited: refused, or no readable answer after a few attempts.
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable): the list is not whole, after two new tries, because its
    /// pages shift or repeat, disagree with its count, or have a server without a readable id.
    ///
    /// ```
    /// # use ecs_ops::{Client, model::Server};
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use ecs_ops::selection::{NamePattern, Selection};
    ///
    /// let all: Vec<Server> = client.servers().await?;
    /// let web = Selection::all().name(NamePattern::glob("web-*")?).tag("env=prod".parse()?);
    /// let selected = client.servers().select(&web).await?;
    /// # let _ = (all, selected); Ok(()) }
    /// ```
    pub fn servers(&self) -> Servers {
        Servers::new(self.clone())
    }

    pub(crate) async fn read<O: Operation>(&self, operation: &O) -> Result<O::Output, Error> {
        self.0
            .execute(operation, &mut Scope::read())
            .await
            .map_err(Failure::into_error)
    }
}

impl Inner {
    /// A duration of the service, by our clock.
    pub(crate) fn scaled(&self, duration: Duration) -> Duration {
        scale(duration, self.time_factor)
    }

    pub(crate) fn with_rng<T>(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Collects what a [`Client`] is made of.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Endpoint,
    project: ProjectId,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    transport: Option<Arc<dyn Transport>>,
    retry: RetryPolicy,
    polling: Polling,
    attempt_timeout: Duration,
    servers_per_minute: usize,
    requests_per_second: u32,
    concurrent_queries: usize,
    concurrent_submissions: usize,
    time_factor: f64,
    seed: Option<u64>,
    epoch: Option<Timestamp>,
    user_agent: String,
}

impl ClientBuilder {
    /// Who we are. Required.
    pub fn credentials(mut self, provider: impl CredentialsProvider) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// How requests travel. Required.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// How often and how fast requests are sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How often jobs are looked at.
    pub fn polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// How long one attempt may take, from sending to the last byte of the answer. Default: 60 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The most servers in any 60 seconds. Default: [`Client::SERVERS_PER_MINUTE`].
    pub fn servers_per_minute(mut self, servers: usize) -> Self {
        self.servers_per_minute = servers;
        self
    }

    /// How many batches of one run may be underway at once. Default: 4.
    pub fn concurrent_submissions(mut self, submissions: usize) -> Self {
        self.concurrent_submissions = submissions;
        self
    }

    /// The most requests that are sent in a second, evenly spread. What acts on servers and what somebody waits for goes
    /// before looks at jobs. Default: 50.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.requests_per_second = requests;
        self
    }

    /// How many job queries of all runs and watches of this client may be underway at once. Default: 16.
    pub fn concurrent_queries(mut self, queries: usize) -> Self {
        self.concurrent_queries = queries;
        self
    }

    /// For a simulated service whose clock runs `factor` times as fast: shortens every pause, and the quota's minute,
    /// by it. Time limits that you set stay as they are. Default: 1.
    pub fn time_factor(mut self, factor: f64) -> Self {
        self.time_factor = factor;
        self
    }

    /// Makes the jitter repeatable.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What the wall clock shows now; by default the system's time. For tests on paused time.
    pub fn epoch(mut self, now: Timestamp) -> Self {
        self.epoch = Some(now);
        self
    }

    /// The `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): something is missing or out of range.
    pub fn build(self) -> Result<Client, Error> {
        let missing = |what: &str| Error::invalid(format!("a client needs {what}"));
        let at_least_1 = |what: &str, value: usize| match value {
            0 => Err(Error::invalid(format!("{what} must be at least 1"))),
            value => Ok(value),
        };
        let factor = self.time_factor;
        if !(factor.is_finite() && (0.001..=1_000_000.0).contains(&factor)) {
            return Err(Error::invalid(
                "the time factor must be from 0.001 to 1000000",
            ));
        }
        if self.attempt_timeout.is_zero() {
            return Err(Error::invalid(
                "the time limit of an attempt must not be zero",
            ));
        }
        if self.polling.storms() || self.retry.storms() {
            return Err(Error::invalid(
                "a pause between looks at a job, or before another attempt, must not be zero",
            ));
        }
        let interval = Duration::from_secs(1).checked_div(self.requests_per_second);
        let interval =
            interval.ok_or_else(|| Error::invalid("requests per second must be at least 1"))?;
        const MINUTE: Duration = Duration::from_secs(60);
        let user_agent = http::HeaderValue::from_str(&self.user_agent).map_err(|_| {
            Error::invalid("the user agent has characters that a header cannot hold")
        })?;
        let project_id = http::HeaderValue::from_str(self.project.as_str()).map_err(|_| {
            Error::invalid("the project id has characters that a header cannot hold")
        })?;
        Ok(Client(Arc::new(Inner {
            project_id,
            endpoint: self.endpoint,
            project: self.project,
            credentials: self.credentials.ok_or_else(|| missing("credentials"))?,
            transport: self.transport.ok_or_else(|| missing("a transport"))?,
            retry: self.retry.scaled(factor),
            polling: self.polling.scaled(factor),
            attempt_timeout: self.attempt_timeout,
            pace: Pace::new(
                at_least_1("servers per minute", self.servers_per_minute)?,
                scale(MINUTE, factor),
            ),
            concurrent_queries: at_least_1("concurrent queries", self.concurrent_queries)?,
            budget: Budget::new(scale(interval, factor)),
            hub: Hub::new(),
            concurrent_submissions: at_least_1(
                "concurrent submissions",
                self.concurrent_submissions,
            )?,
            clock: WallClock::new(self.epoch, factor),
            time_factor: factor,
            user_agent,
            contact: Contact::default(),
            rng: Mutex::new(match self.seed {
                Some(seed) => ChaCha8Rng::seed_from_u64(seed),
                None => rand::make_rng(),
            }),
        })))
    }
}

#[cfg(test)]
mod tests;
