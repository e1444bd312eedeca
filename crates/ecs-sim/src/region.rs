//! The region: maps requests to answers, without I/O and without a clock of its own.

mod actions;
mod gate;
mod iam;
mod metadata;
mod records;
mod routes;
mod scaling;
#[cfg(test)]
mod tests;
mod traces;

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::AccessKey;
use ecs_model::ServerId;
use http::{HeaderValue, header};
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;

use crate::accepted::AcceptanceLog;
use crate::admission::Admission;
use crate::fleet::Fleet;
use crate::identity::Identity;
use crate::jobs::Jobs;
use crate::listing::Quirks;
use crate::quota::Window;
use crate::records::ActionLog;
use crate::render::Calendar;
use crate::seed::{self, Purpose};
use crate::settings::Settings;
use crate::traces::TraceStore;

/// 2026-01-01T00:00:00Z, for every run, so that the same seed gives the same answers.
const DEFAULT_EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// A simulated region: servers, jobs, a quota, and the documented answers.
///
/// It is a pure core: its answers follow from its settings, the requests so far, and the given
/// time, which counts from the region's epoch. A time before the last one counts as the last one.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use ecs_model::{BatchRebootServers, JobStatus, Operation, RebootType, ShowJob};
/// use ecs_sim::Region;
/// use secrecy::ExposeSecret;
///
/// let mut region = Region::builder().servers(3).build()?;
/// let project = region.identity().project_id.clone();
/// let token = region.identity().token.expose_secret().to_owned();
/// let mut send = |mut request: http::Request<Bytes>, seconds: u64| {
///     request.headers_mut().insert("x-auth-token", token.parse().unwrap());
///     region.handle(&request, Duration::from_secs(seconds)).into_parts()
/// };
/// # let servers: Vec<_> = Region::builder().servers(3).build()?.servers().collect();
///
/// let (head, body) = send(BatchRebootServers::new(RebootType::Soft, servers)?.encode(&project), 0);
/// let accepted = BatchRebootServers::decode(head.status, &head.headers, &body)?;
/// let ask = ShowJob::new(accepted.job_id);
/// let (head, body) = send(ask.encode(&project), 10);
/// assert_eq!(ShowJob::decode(head.status, &head.headers, &body)?.status, Some(JobStatus::Running));
/// let (head, body) = send(ask.encode(&project), 40);
/// assert_eq!(ShowJob::decode(head.status, &head.headers, &body)?.status, Some(JobStatus::Success));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Region {
    settings: Settings,
    identity: Identity,
    admission: Admission,
    fleet: Fleet,
    quirks: Quirks,
    jobs: Jobs,
    quotas: Quotas,
    queries: QueryWindows,
    accepted: AcceptanceLog,
    records: ActionLog,
    traces: TraceStore,
    ids: ChaCha8Rng,
    now: Duration,
    /// The speed of `now`, as a multiple of real time.
    speed: NonZeroU32,
}

/// A window for each kind of action.
#[derive(Debug, Default)]
struct Quotas {
    reboot: Window,
    start: Window,
    stop: Window,
}

/// A window for each kind of query that has a limit.
#[derive(Debug, Default)]
struct QueryWindows {
    lists: Window,
    servers: Window,
    jobs: Window,
}

impl Region {
    pub(crate) fn new(settings: Settings, identity: Identity, pair: AccessKey) -> Self {
        Self {
            admission: Admission::new(settings.seed, pair),
            fleet: Fleet::new(&settings),
            quirks: Quirks::new(&settings.list_quirks),
            jobs: Jobs::default(),
            quotas: Quotas::default(),
            queries: QueryWindows::default(),
            accepted: AcceptanceLog::default(),
            records: ActionLog::new(settings.seed, settings.record_delay.clone()),
            traces: TraceStore::new(settings.seed, settings.trace_delay.clone()),
            ids: seed::rng(settings.seed, Purpose::Ids),
            now: Duration::ZERO,
            speed: NonZeroU32::MIN,
            settings,
            identity,
        }
    }

    /// Answers one request at `now`, counted from the region's epoch. Never panics, whatever the
    /// request.
    pub fn handle(
        &mut self,
        request: &http::Request<Bytes>,
        now: Duration,
    ) -> http::Response<Bytes> {
        self.act_as_others(now);
        self.now = self.now.max(now);
        self.jobs.expire(self.now);
        let request_id = seed::hex_id(&mut self.ids);
        let mut response = self.route(request, &request_id).into_response(&request_id);
        let date = self.calendar().http_date(self.now);
        if let Some(date) = date.and_then(|date| HeaderValue::from_str(&date).ok()) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }

    /// Returns the credentials and the project of the region.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the seed of all randomness.
    pub fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// Returns the ids of all servers, in the order of the list.
    pub fn servers(&self) -> impl ExactSizeIterator<Item = ServerId> + '_ {
        self.fleet.all().iter().map(|server| server.id)
    }

    /// Returns the name of a server.
    pub fn server_name(&self, id: &ServerId) -> Option<&str> {
        Some(&self.fleet.find(id)?.name)
    }

    /// Returns the accepted requests so far.
    pub fn accepted(&self) -> &AcceptanceLog {
        &self.accepted
    }

    /// Locks or unlocks a server: a request that names a locked one is refused with `Ecs.0605`.
    /// Returns `false` if there is no such server.
    pub fn set_locked(&mut self, id: &ServerId, locked: bool) -> bool {
        let server = self.fleet.find_mut(id);
        server.map(|server| server.locked = locked).is_some()
    }

    /// Makes every later action on a server fail, or leaves it to the share of failing ones again.
    /// Returns `false` if there is no such server.
    pub fn set_failing(&mut self, id: &ServerId, failing: bool) -> bool {
        let server = self.fleet.find_mut(id);
        server.map(|server| server.always_fails = failing).is_some()
    }

    /// Denies actions to every caller, or allows them again: see
    /// [`RegionBuilder::read_only`](crate::RegionBuilder::read_only).
    pub fn set_read_only(&mut self, read_only: bool) {
        self.settings.read_only = read_only;
    }

    /// Returns the time of the last request, or zero.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Returns the calendar time at which the clock is zero.
    pub fn epoch(&self) -> Timestamp {
        self.settings.epoch.unwrap_or(DEFAULT_EPOCH)
    }

    /// Sets the start of the calendar, unless the settings define it. Jobs and requests get ids that no region of this
    /// seed with another start has, because a service gives no id twice.
    pub(crate) fn default_epoch(&mut self, epoch: Timestamp) {
        if self.settings.epoch.is_none() {
            self.settings.epoch = Some(epoch);
            self.ids = seed::ids_since(self.settings.seed, epoch);
        }
    }

    /// Sets the speed of the region's clock. Clients sign by the real time.
    pub(crate) fn set_speed(&mut self, speed: NonZeroU32) {
        self.speed = speed;
    }

    /// Returns the time with which signatures are compared.
    fn signing_time(&self) -> Timestamp {
        self.calendar().time(self.now / self.speed.get())
    }

    fn calendar(&self) -> Calendar {
        Calendar {
            epoch: self.epoch(),
        }
    }
}
