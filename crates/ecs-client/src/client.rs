//! The client of one project of one service.

mod builder;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_auth::CredentialsProvider;
use ecs_model::{Job, JobId, Operation, ProjectId, Server, ServerId, ShowJob, ShowServer};
use ecs_transport::Transport;
use http::HeaderValue;
use rand_chacha::ChaCha8Rng;

use crate::clock::{WallClock, scale};
use crate::context::RequestContext;
use crate::rate_limiter::RateLimiter;
use crate::{Endpoint, Error, RetryPolicy, ServiceHealth};

pub use builder::ClientBuilder;

/// Sends requests to one project of one service. Cheap to clone; clones share the rate limit, and what is known of the
/// service.
///
/// See the [crate's front page](crate) for an example.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    project: ProjectId,
    /// The project, as a header.
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

/// Reads.
impl Client {
    /// Reads one job, once.
    ///
    /// # Errors
    /// Refused (an unknown job: finished ones are deleted after about a day), or no readable answer after a few attempts.
    pub async fn job(&self, job_id: &JobId) -> Result<Job, Error> {
        self.read(&ShowJob::new(job_id.clone())).await
    }

    /// Reads one server.
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

    /// Sends a read, and again until there is an answer or the policy gives up.
    ///
    /// # Errors
    /// Refused, or no readable answer after a few attempts.
    pub async fn read<O: Operation>(&self, operation: &O) -> Result<O::Output, Error> {
        let mut context = RequestContext::read();
        Ok(self.execute(operation, &mut context).await?)
    }
}

/// What it is made of, and what it knows.
impl Client {
    /// Where the service is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The project.
    pub fn project(&self) -> &ProjectId {
        &self.0.project
    }

    /// The source of credentials.
    pub fn credentials(&self) -> &Arc<dyn CredentialsProvider> {
        &self.0.credentials
    }

    /// How requests travel.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// The clocks.
    pub fn clock(&self) -> &WallClock {
        &self.0.clock
    }

    /// What its requests have learnt of the service.
    pub fn health(&self) -> &ServiceHealth {
        &self.0.health
    }

    /// How fast the service's clock runs, by ours: 1, unless it is a simulated one.
    pub fn time_factor(&self) -> f64 {
        self.0.time_factor
    }

    /// A duration of the service, by our clock.
    pub fn scaled(&self, duration: Duration) -> Duration {
        scale(duration, self.0.time_factor)
    }

    /// Draws from the client's random numbers: with a [seed](ClientBuilder::seed), the same ones each time.
    pub fn with_rng<T>(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.0.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.0.retry
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
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
