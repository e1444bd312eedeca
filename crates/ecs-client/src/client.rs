//! Client of one project of one service.

mod builder;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_auth::CredentialsProvider;
use ecs_model::{Job, JobId, Operation, ProjectId, Server, ServerId, ShowJob, ShowServer};
use ecs_transport::Transport;
use http::HeaderValue;
use rand_chacha::ChaCha8Rng;

use crate::clock::{WallClock, scale};
use crate::context::RequestContext;
use crate::freshness::SeenIds;
use crate::rate_limiter::RateLimiter;
use crate::{Endpoint, Error, ErrorKind, Problem, RetryPolicy, ServiceHealth};

pub use builder::ClientBuilder;

/// A client of one project of one service. Clones are cheap and share the rate limit and the
/// service's health.
///
/// See the [crate's front page](crate) for an example.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    project: ProjectId,
    /// The project as a header value.
    project_header: HeaderValue,
    user_agent: HeaderValue,
    credentials: Arc<dyn CredentialsProvider>,
    transport: Arc<dyn Transport>,
    retry: RetryPolicy,
    attempt_timeout: Duration,
    rate_limiter: RateLimiter,
    health: ServiceHealth,
    clock: WallClock,
    time_factor: f64,
    rng: Mutex<ChaCha8Rng>,
    seen_ids: SeenIds,
    /// The number that [`next_number`](Client::next_number) returns next.
    numbers: AtomicU64,
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

/// Queries.
impl Client {
    /// Queries one job once.
    ///
    /// Fails if the service refuses the query, or sends no readable answer within a few attempts.
    /// The service deletes finished jobs after about a day and then refuses them as unknown.
    pub async fn job(&self, job_id: &JobId) -> Result<Job, Error> {
        let job = self.read(&ShowJob::new(job_id.clone())).await?;
        job.answer_to(job_id).map_err(|shown| {
            let message = format!("the answer to the query of job {job_id} shows job {shown}");
            Error::new(ErrorKind::NotTheService, Problem::new(message))
        })
    }

    /// Queries one server.
    ///
    /// Fails if the service refuses the query (no such server), or sends no readable answer within
    /// a few attempts.
    pub async fn server(&self, id: ServerId) -> Result<Server, Error> {
        let shown = self.read(&ShowServer::new(id)).await?;
        // Decoding has checked that it is present.
        shown
            .server
            .ok_or_else(|| Error::invalid("the answer holds no server"))
    }

    /// Sends a read and retries it until it is answered or the policy gives up.
    ///
    /// # Errors
    /// Fails if the service refuses the read, or sends no readable answer within a few attempts.
    pub async fn read<O: Operation>(&self, operation: &O) -> Result<O::Output, Error> {
        let mut context = RequestContext::read();
        Ok(self.execute(operation, &mut context).await?)
    }
}

/// Accessors.
impl Client {
    /// Returns the endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Returns the project.
    pub fn project(&self) -> &ProjectId {
        &self.0.project
    }

    /// Returns the source of credentials.
    pub fn credentials(&self) -> &Arc<dyn CredentialsProvider> {
        &self.0.credentials
    }

    /// Returns the transport.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Returns the clocks.
    pub fn clock(&self) -> &WallClock {
        &self.0.clock
    }

    /// Returns the service's health.
    pub fn health(&self) -> &ServiceHealth {
        &self.0.health
    }

    /// Returns the speed of the service's clock relative to the local one; 1 unless the service is
    /// simulated.
    pub fn time_factor(&self) -> f64 {
        self.0.time_factor
    }

    /// Converts a duration of the service to the local clock.
    pub fn scaled(&self, duration: Duration) -> Duration {
        scale(duration, self.0.time_factor)
    }

    /// Converts a local duration to the service's clock: the reverse of [`scaled`](Self::scaled).
    pub fn service_time(&self, duration: Duration) -> Duration {
        scale(duration, 1.0 / self.0.time_factor)
    }

    /// Draws random numbers; a seed makes them repeatable.
    pub fn with_rng<T>(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.0.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.0.retry
    }

    /// Returns the next number, counted from 0. Requests vary by it, so that a cache
    /// does not answer them with an old answer.
    pub fn next_number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn seen_ids(&self) -> &SeenIds {
        &self.0.seen_ids
    }

    /// Returns the time limit of one attempt.
    pub fn attempt_timeout(&self) -> Duration {
        self.0.attempt_timeout
    }

    pub(crate) fn rate_limiter(&self) -> &RateLimiter {
        &self.0.rate_limiter
    }

    pub(crate) fn user_agent(&self) -> HeaderValue {
        self.0.user_agent.clone()
    }

    pub(crate) fn project_header(&self) -> HeaderValue {
        self.0.project_header.clone()
    }
}
