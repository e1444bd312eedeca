//! The client of one project.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::{CredentialsProvider, ReadyCredentials, ResolvedTarget};
use ecs_client::{Endpoint, Error, ParseEndpointError, Probe, RetryPolicy};
use ecs_model::{
    Job, JobId, ListServerActions, ParseIdError, ProjectId, Server, ServerAction, ServerId,
};
use ecs_transport::Transport;
use jiff::Timestamp;

use crate::fleet::KnownPlace;
use crate::jobs::{JobsOptions, Polling, WatcherRegistry};
use crate::journal::Recovered;
use crate::quota::ServerQuota;
use crate::ticket::JobOrigin;

/// A client of one project of one service. Cheap to clone; clones share the quota.
///
/// See the [crate's front page](crate) for an example.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    /// Sends requests.
    pub(crate) core: ecs_client::Client,
    pub(crate) quota: ServerQuota,
    /// The place of its jobs, which their tickets share.
    pub(crate) origin: Arc<JobOrigin>,
    /// The facts about the place that reads of servers have shown.
    pub(crate) place: KnownPlace,
    /// The watchers of jobs.
    pub(crate) registry: Arc<WatcherRegistry>,
    /// The most requests of a run that are in flight.
    pub(crate) concurrent_submissions: usize,
    /// `true` if a run makes a harmless read before its first action.
    pub(crate) check_service: bool,
    /// The id of the user whose credentials are used, if it is known.
    pub(crate) user_id: Option<String>,
    /// The place at which its runs act, and the account, if known.
    pub(crate) target: Option<ResolvedTarget>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.0.core;
        f.debug_struct("Client")
            .field("endpoint", &core.endpoint().to_string())
            .field("project", core.project())
            .field("credentials", &core.credentials())
            .field("transport", &core.transport())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The servers that a run sent before it is resumed and the service may still count: how many, and
    /// when at the latest.
    pub(crate) fn counted(&self, recovered: &Recovered) -> Vec<(usize, Timestamp)> {
        recovered.counted(self.core.clock().now(), self.core.attempt_timeout())
    }
}

impl Client {
    /// The most servers that the service lets an account restart, start or stop in a minute
    /// (vendor's batch pages).
    pub const SERVERS_PER_MINUTE: usize = 1000;

    /// Builds a client.
    pub fn builder(endpoint: Endpoint, project: ProjectId) -> ClientBuilder {
        let user_agent = concat!("ecs-ops/", env!("CARGO_PKG_VERSION"));
        ClientBuilder {
            core: ecs_client::Client::builder(endpoint, project).user_agent(user_agent),
            polling: Polling::default(),
            servers_per_minute: Self::SERVERS_PER_MINUTE,
            concurrent_queries: 16,
            concurrent_submissions: 4,
            check_service: true,
            user_id: None,
            target: None,
        }
    }

    /// Builds a client of the project and the endpoint of these credentials, as `ecsctl` finds them:
    /// with their source of credentials and their transport. Its runs have the
    /// [target](crate::RunBuilder::target) that the credentials resolved to.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the endpoint is not known, or not an
    /// address.
    ///
    /// ```no_run
    /// # #[cfg(feature = "hyper")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use ecs_ops::{Client, auth::CredentialChain};
    ///
    /// let ready = CredentialChain::from_env().region("eu-de").resolve().await?;
    /// let client = Client::builder_of(ready)?.build()?;
    /// # let _ = client; Ok(()) }
    /// ```
    pub fn builder_of(ready: ReadyCredentials) -> Result<ClientBuilder, Error> {
        let endpoint = ready.endpoint.as_deref().ok_or_else(|| {
            Error::invalid("the endpoint of ECS is not known: name it, or a region")
        })?;
        let endpoint: Endpoint = endpoint.parse().map_err(|error: ParseEndpointError| {
            Error::invalid_because("the endpoint cannot be used", error)
        })?;
        let project = ready.project_id.parse().map_err(|error: ParseIdError| {
            Error::invalid_because("the project id cannot be used", error)
        })?;
        let mut builder = Self::builder(endpoint, project)
            .credentials(ready.provider)
            .transport(ready.transport);
        builder.target = Some(ready.target);
        Ok(builder)
    }

    /// The present, by the clock of this client: that of the system, or a simulated one.
    pub fn now(&self) -> Timestamp {
        self.0.core.clock().now()
    }

    /// Queries one job once. [`watch`](Self::watch) waits for jobs.
    ///
    /// # Errors
    /// The service refused, or sent no readable answer after a few attempts. Finished jobs are
    /// deleted after about a day and are then refused as unknown.
    pub async fn job(&self, job_id: &JobId) -> Result<Job, Error> {
        self.0.core.job(job_id).await
    }

    /// The origin of this client's jobs.
    pub(crate) fn origin(&self) -> Arc<JobOrigin> {
        Arc::clone(&self.0.origin)
    }

    /// Queries one server.
    ///
    /// # Errors
    /// The service refused (no such server), or sent no readable answer after a few attempts.
    pub async fn server(&self, id: ServerId) -> Result<Server, Error> {
        self.0.core.server(id).await
    }

    /// Lists what was done to one server, the newest first: the action, when it began, by whom.
    ///
    /// # Errors
    /// The service refused (no such server, no right to read the actions), or sent no readable answer
    /// after a few attempts.
    pub async fn server_actions(&self, id: ServerId) -> Result<Vec<ServerAction>, Error> {
        let actions = self.0.core.read(&ListServerActions::new(id)).await?;
        Ok(actions.instance_actions.unwrap_or_default())
    }

    /// Sends one harmless query (a list of one server) and reports it in full. It is neither
    /// repeated nor signed with renewed credentials, since a few wrong signatures lock a key.
    ///
    /// ```
    /// # async fn example(client: ecs_ops::Client) {
    /// use ecs_ops::ProbeEnd;
    ///
    /// let probe = client.probe().await;
    /// if let ProbeEnd::Refused { status, .. } = &probe.end {
    ///     println!("{status}; our clock: {}, remote: {:?}", probe.sent_at, probe.service_time);
    /// }
    /// # }
    /// ```
    pub async fn probe(&self) -> Probe {
        self.0.core.probe().await
    }
}

/// Settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    core: ecs_client::ClientBuilder,
    polling: Polling,
    servers_per_minute: usize,
    concurrent_queries: usize,
    concurrent_submissions: usize,
    check_service: bool,
    user_id: Option<String>,
    target: Option<ResolvedTarget>,
}

impl ClientBuilder {
    /// The source of credentials. Required.
    pub fn credentials(mut self, provider: impl CredentialsProvider) -> Self {
        self.core = self.core.credentials(provider);
        self
    }

    /// The transport. Required.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.core = self.core.transport(transport);
        self
    }

    /// Sets the number and the pace of retries.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.core = self.core.retry(policy);
        self
    }

    /// Sets the schedule of job polls.
    pub fn polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// Limits one attempt, from sending to the last byte of the answer. Default: 60 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.core = self.core.attempt_timeout(timeout);
        self
    }

    /// The most servers in any 60 seconds. Default: [`Client::SERVERS_PER_MINUTE`].
    pub fn servers_per_minute(mut self, servers: usize) -> Self {
        self.servers_per_minute = servers;
        self
    }

    /// The id of the user whose credentials are used, as IAM names it with a token. With it,
    /// [reconciling](crate::OnUnknown) recognizes the records of a run that has a single
    /// request. Default: learned from the records of accepted requests.
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// The most requests of one run that are in flight. Default: 4.
    pub fn concurrent_submissions(mut self, submissions: usize) -> Self {
        self.concurrent_submissions = submissions;
        self
    }

    /// Sends without a read beforehand. By default a run makes one harmless read before its first
    /// action, a list of one server, which shows that what answers is the service and not a page of
    /// something else; without it, such a page is found when the first request is unknown.
    pub fn skip_service_check(mut self) -> Self {
        self.check_service = false;
        self
    }

    /// Takes [`skip_service_check`](Self::skip_service_check) back.
    #[cfg(test)]
    pub(crate) fn with_service_check(mut self) -> Self {
        self.check_service = true;
        self
    }

    /// The most HTTP requests in a second, evenly spaced. Actions and queries of callers go before
    /// polls. Default: 50.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.core = self.core.requests_per_second(requests);
        self
    }

    /// The most job queries of this client that are in flight. Default: 16.
    pub fn concurrent_queries(mut self, queries: usize) -> Self {
        self.concurrent_queries = queries;
        self
    }

    /// For a simulated service whose clock runs `factor` times as fast: divides every pause, and
    /// the quota's minute, by it. Time limits of the caller are unaffected. Default: 1.
    #[cfg(any(test, feature = "testing"))]
    pub fn time_factor(mut self, factor: f64) -> Self {
        self.core = self.core.time_factor(factor);
        self
    }

    /// Makes the jitter repeatable.
    #[cfg(any(test, feature = "testing"))]
    pub fn seed(mut self, seed: u64) -> Self {
        self.core = self.core.seed(seed);
        self
    }

    /// Sets the wall clock, for tests on paused time. Default: the system's time.
    #[cfg(any(test, feature = "testing"))]
    pub fn epoch(mut self, now: Timestamp) -> Self {
        self.core = self.core.epoch(now);
        self
    }

    /// The `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.core = self.core.user_agent(user_agent);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): something is missing or out of range.
    pub fn build(self) -> Result<Client, Error> {
        self.polling.check()?;
        const MINUTE: Duration = Duration::from_secs(60);
        let core = self.core.build()?;
        let servers = at_least_1("servers per minute", self.servers_per_minute)?;
        let jobs = JobsOptions {
            polling: self.polling.scaled(core.time_factor()),
            concurrent_queries: at_least_1("concurrent queries", self.concurrent_queries)?,
        };
        let submissions = at_least_1("concurrent submissions", self.concurrent_submissions)?;
        let origin = JobOrigin {
            endpoint: Some(core.endpoint().to_string()),
            project_id: core.project().clone(),
        };
        Ok(Client(Arc::new(Inner {
            origin: Arc::new(origin),
            place: KnownPlace::of(core.endpoint()),
            quota: ServerQuota::new(servers, core.scaled(MINUTE)),
            registry: Arc::new(WatcherRegistry::new(core.clone(), jobs)),
            concurrent_submissions: submissions,
            check_service: self.check_service,
            user_id: self.user_id,
            target: self.target,
            core,
        })))
    }
}

fn at_least_1(setting: &str, value: usize) -> Result<usize, Error> {
    if value == 0 {
        return Err(Error::invalid(format!("{setting} must be at least 1")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
