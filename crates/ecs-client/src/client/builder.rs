//! Builder of a client.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_auth::CredentialsProvider;
use ecs_model::ProjectId;
use ecs_transport::Transport;
use http::HeaderValue;
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Client, Inner};
use crate::clock::{WallClock, scale};
use crate::freshness::SeenIds;
use crate::rate_limiter::RateLimiter;
use crate::{Endpoint, Error, RetryPolicy, ServiceHealth};

/// Settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Endpoint,
    project: ProjectId,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    transport: Option<Arc<dyn Transport>>,
    retry: RetryPolicy,
    attempt_timeout: Duration,
    requests_per_second: u32,
    time_factor: f64,
    seed: Option<u64>,
    epoch: Option<Timestamp>,
    user_agent: String,
}

impl Client {
    /// Returns a builder of a client.
    pub fn builder(endpoint: Endpoint, project: ProjectId) -> ClientBuilder {
        ClientBuilder {
            endpoint,
            project,
            credentials: None,
            transport: None,
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(60),
            requests_per_second: 50,
            time_factor: 1.0,
            seed: None,
            epoch: None,
            user_agent: concat!("ecs-client/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl ClientBuilder {
    /// Sets the source of credentials. Required.
    pub fn credentials(mut self, provider: impl CredentialsProvider) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Sets the transport. Required.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets the retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the time limit of one attempt, from sending to the last byte of the answer. Default: 60
    /// s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets the largest number of HTTP requests per second, evenly spaced. Actions and queries of
    /// callers have priority over polls. Default: 50.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.requests_per_second = requests;
        self
    }

    /// Sets the speed of a simulated service's clock: every pause is divided by `factor`. Time
    /// limits of the caller are unaffected. Default: 1.
    #[cfg(any(test, feature = "testing"))]
    pub fn time_factor(mut self, factor: f64) -> Self {
        self.time_factor = factor;
        self
    }

    /// Seeds the jitter, to make it repeatable.
    #[cfg(any(test, feature = "testing"))]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the time that the wall clock shows now, for tests on paused time. Default: the system's
    /// time.
    #[cfg(any(test, feature = "testing"))]
    pub fn epoch(mut self, now: Timestamp) -> Self {
        self.epoch = Some(now);
        self
    }

    /// Sets the `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): a setting is missing or out of range.
    pub fn build(self) -> Result<Client, Error> {
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
        if let Some(violation) = self.retry.violation() {
            return Err(Error::invalid(violation));
        }
        let interval = Duration::from_secs(1).checked_div(self.requests_per_second);
        let interval =
            interval.ok_or_else(|| Error::invalid("requests per second must be at least 1"))?;
        let rng = match self.seed {
            Some(seed) => ChaCha8Rng::seed_from_u64(seed),
            None => rand::make_rng(),
        };
        Ok(Client(Arc::new(Inner {
            user_agent: header("the user agent", &self.user_agent)?,
            project_header: header("the project id", self.project.as_str())?,
            endpoint: self.endpoint,
            project: self.project,
            credentials: required("credentials", self.credentials)?,
            transport: required("a transport", self.transport)?,
            retry: self.retry.scaled(factor),
            attempt_timeout: self.attempt_timeout,
            rate_limiter: RateLimiter::new(scale(interval, factor)),
            health: ServiceHealth::default(),
            clock: WallClock::new(self.epoch, factor),
            time_factor: factor,
            rng: Mutex::new(rng),
            seen_ids: SeenIds::default(),
            numbers: AtomicU64::new(0),
        })))
    }
}

fn required<T>(setting: &str, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::invalid(format!("a client needs {setting}")))
}

fn header(setting: &str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| {
        Error::invalid(format!(
            "{setting} has characters that a header cannot hold"
        ))
    })
}
