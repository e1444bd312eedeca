//! The region as a transport: without sockets, on tokio's time.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::{Attempt, BoxFuture, Transport, TransportError, TransportErrorKind};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::SharedRegion;
use crate::clock::Clock;
use crate::seed::{self, Purpose};

/// A transport to a region in this process.
///
/// Time is tokio's: under a paused clock a restart of half a minute is over at once. The region's
/// clock starts with the first request or the first call of [`now`](Self::now). Each way takes the
/// configured latency. A request whose future is dropped (or whose attempt times out) before it has
/// arrived never arrives.
///
/// Clones share the region, its clock and the latency.
///
/// ```
/// use std::time::Duration;
/// use ecs_sim::{Region, SimTransport};
///
/// let transport = SimTransport::new(Region::builder().build()?)
///     .with_latency(Duration::from_millis(2)..=Duration::from_millis(9));
/// assert!(transport.region().with(|region| region.accepted().entries().is_empty()));
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimTransport {
    region: SharedRegion,
    clock: Arc<Clock>,
    latency: Arc<Latency>,
}

#[derive(Debug)]
struct Latency {
    one_way: RangeInclusive<Duration>,
    rng: Mutex<ChaCha8Rng>,
}

impl Latency {
    fn draw(&self) -> Duration {
        if self.one_way.is_empty() {
            return Duration::ZERO;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.random_range(self.one_way.clone())
    }
}

impl SimTransport {
    /// Creates a transport to this region, without latency, whose clock runs as fast as tokio's.
    pub fn new(region: impl Into<SharedRegion>) -> Self {
        let region = region.into();
        let seed = region.with(|region| region.seed());
        Self {
            region,
            clock: Arc::new(Clock::new(NonZeroU32::MIN)),
            latency: Arc::new(Latency {
                one_way: Duration::ZERO..=Duration::ZERO,
                rng: Mutex::new(seed::rng(seed, Purpose::Latency)),
            }),
        }
    }

    /// Sets how many times as fast as tokio's the region's clock runs, from zero.
    #[must_use]
    pub fn with_speed(mut self, speed: NonZeroU32) -> Self {
        self.clock = Arc::new(Clock::new(speed));
        self
    }

    /// Sets the latency of each way, by tokio's clock, drawn uniformly from the region's seed. An
    /// empty range means no latency.
    #[must_use]
    pub fn with_latency(mut self, one_way: RangeInclusive<Duration>) -> Self {
        let seed = self.region.with(|region| region.seed());
        self.latency = Arc::new(Latency {
            one_way,
            rng: Mutex::new(seed::rng(seed, Purpose::Latency)),
        });
        self
    }

    /// Returns the region.
    pub fn region(&self) -> &SharedRegion {
        &self.region
    }

    /// Returns the time of the region's clock. Must be called in a runtime.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    async fn exchange(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        travel(self.latency.draw()).await;
        let now = self.clock.now();
        let response = self.region.with(|region| region.handle(request, now));
        travel(self.latency.draw()).await;
        response
    }
}

async fn travel(time: Duration) {
    // Even the shortest sleep takes a millisecond.
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Transport for SimTransport {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        attempt.mark().hold();
        Box::pin(async move {
            attempt.start()?;
            let exchange = self.exchange(&request);
            match attempt.timeout() {
                None => Ok(exchange.await),
                Some(limit) => tokio::time::timeout(limit, exchange).await.map_err(|_| {
                    TransportError::new(TransportErrorKind::Timeout, attempt.mark().delivery())
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests;
