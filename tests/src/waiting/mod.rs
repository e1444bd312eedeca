//! The cost of waiting for jobs, and the delay until their ends are seen: simulated, for
//! `docs/job-waiting.md`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{Job, RebootType};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, jobs::Polling};
use ecs_sim::{Region, SimTransport};
use http::{Method, Request, Response};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

/// The latency of one way.
const LATENCY: Duration = Duration::from_millis(50);
const REQUESTS_PER_SECOND: u32 = 50;

/// A measurement.
#[derive(Clone, Debug)]
pub struct Case {
    /// The number of jobs, of one server each by default.
    pub jobs: usize,
    /// The number of servers of each.
    pub servers: usize,
    /// The polling.
    pub polling: Polling,
    /// The number of jobs of the same kind that the client has seen before.
    pub seen_before: usize,
    /// The seed of all draws.
    pub seed: u64,
}

/// The result of a measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The number of polls of each job.
    pub polls: Vec<usize>,
    /// The time between the end of each job and the moment at which it was seen.
    pub delays: Vec<Duration>,
    /// The largest number of requests of any kind in any second.
    pub peak: usize,
}

/// Runs one case, on paused time. The jobs begin as fast as the client may submit them.
///
/// # Panics
/// The simulation could not be built, or a job did not succeed, so nothing was measured.
#[must_use]
pub fn measure(case: &Case) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .map(|runtime| runtime.block_on(run(case)))
        .unwrap_or_default()
        .unwrap_or_default()
}

async fn run(case: &Case) -> Option<Measured> {
    let servers = (case.jobs + case.seen_before) * case.servers;
    let region = Region::builder()
        .servers(servers)
        .seed(case.seed)
        // The waiting is measured, not the quota.
        .quota(servers.max(1) * 2)
        .build()
        .ok()?;
    let ids: Vec<_> = region.servers().collect();
    let identity = region.identity().clone();
    let log = Log::default();
    let transport = Logging {
        log: Arc::clone(&log),
        sim: SimTransport::new(region).with_latency(LATENCY..=LATENCY),
    };
    let token = Credentials::token(identity.token.expose_secret()).ok()?;
    let client = Client::builder("https://ecs.example".parse().ok()?, identity.project_id)
        .credentials(StaticCredentials::new(token))
        .transport(transport)
        .polling(case.polling.clone())
        .servers_per_minute(servers.max(1) * 2)
        .requests_per_second(REQUESTS_PER_SECOND)
        .seed(case.seed)
        .build()
        .ok()?;
    let (before, ids) = ids.split_at(case.seen_before * case.servers);
    for ids in [before, ids] {
        if ids.is_empty() {
            continue;
        }
        log.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let run = client.reboot(RebootType::Soft, ids.iter().copied());
        let run = run.batch_size(case.servers).begin().await.ok()?;
        let report = run.await;
        if report.summary().succeeded < ids.len() {
            return None;
        }
    }
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.sort_by_key(|exchange| exchange.sent);
    Some(evaluate(&log))
}

type Log = Arc<Mutex<Vec<Exchange>>>;

struct Exchange {
    sent: Instant,
    /// The polled job, and how long it had been over, if it was.
    job: Option<(String, Option<Duration>)>,
}

fn evaluate(log: &[Exchange]) -> Measured {
    let mut polls: HashMap<&str, usize> = HashMap::new();
    let mut measured = Measured::default();
    for exchange in log {
        if let Some((job, delay)) = &exchange.job {
            *polls.entry(job).or_default() += 1;
            measured.delays.extend(delay);
        }
    }
    measured.polls = polls.into_values().collect();
    let second = Duration::from_secs(1);
    let mut oldest = 0;
    for (newest, exchange) in log.iter().enumerate() {
        while log
            .get(oldest)
            .is_some_and(|old| exchange.sent.duration_since(old.sent) >= second)
        {
            oldest += 1;
        }
        measured.peak = measured.peak.max(newest + 1 - oldest);
    }
    measured
}

struct Logging {
    sim: SimTransport,
    log: Log,
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logging")
    }
}

impl Transport for Logging {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let sent = Instant::now();
        let asked = request.uri().path().rsplit_once("/jobs/");
        let asked = asked.filter(|_| *request.method() == Method::GET);
        let asked = asked.map(|(_, job)| job.to_owned());
        Box::pin(async move {
            let answer = self.sim.send(request, attempt).await;
            let over = answer.as_ref().ok().and_then(|answer| self.over(answer));
            let exchange = Exchange {
                sent,
                job: asked.map(|job| (job, over)),
            };
            self.log
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(exchange);
            answer
        })
    }
}

impl Logging {
    /// Returns how long a job has been over when its answer arrives.
    fn over(&self, answer: &Response<Bytes>) -> Option<Duration> {
        let job: Job = serde_json::from_slice(answer.body()).ok()?;
        let end: jiff::Timestamp = job.end_time?.parse().ok()?;
        let now = self.sim.region().with(|region| region.epoch()) + self.sim.now();
        Duration::try_from(now.duration_since(end)).ok()
    }
}

/// Returns the value below which this share of them is.
#[must_use]
pub fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let index = (values.len() as f64 * share) as usize;
    values
        .get(index.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}
