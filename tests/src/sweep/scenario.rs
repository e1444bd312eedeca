//! The scenario: everything that follows from a seed.

use std::time::Duration;

use ecs_ops::model::{RebootType, ServerId, StopType};
use ecs_ops::{PowerAction, jobs::Polling};
use ecs_sim::{
    Action, ActionRecords, Faults, IdFilter, OtherAction, RegionBuilder, Throttling, TraceAccess,
};
use rand::seq::SliceRandom as _;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw::{pick, secs, sometime};
use super::gateway::Habits;
use super::records::RecordsPlan;

/// A region, a client, and the client's tasks.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) region: RegionBuilder,
    /// The number of servers that runs act on.
    pub(super) servers: usize,
    /// The records of the region, and the actions of others.
    pub(super) records: Option<RecordsPlan>,
    /// The tricks of a gateway on the way, if there is one.
    pub(super) gateway: Option<Habits>,
    /// The number of requested servers that do not exist.
    pub(super) absent: usize,
    /// The largest number of servers that the client may send in a minute.
    pub(super) quota: usize,
    pub(super) submissions: usize,
    pub(super) queries: usize,
    pub(super) attempt_timeout: Duration,
    pub(super) max_failures: u32,
    pub(super) polling: Polling,
    pub(super) faults: Faults,
    pub(super) runs: Vec<RunPlan>,
    /// The wait for all jobs afterwards, with its limit, if there is one.
    pub(super) wait: Option<Option<Duration>>,
}

/// The deadline if jobs never end and nothing else would end the run.
pub(super) const LAST: Duration = Duration::from_secs(1800);

/// A run of the client with its disturbances.
#[derive(Clone, Debug)]
pub(super) struct RunPlan {
    pub(super) action: PowerAction,
    /// Its share of the servers, from 0 to 1.
    pub(super) share: f64,
    pub(super) batch_size: usize,
    pub(super) wait: bool,
    /// `true` if it reconciles servers of unknown outcome.
    pub(super) reconcile: bool,
    pub(super) starts_after: Duration,
    pub(super) deadline: Option<Duration>,
    /// Times since the beginning of the run: no more submissions, the end with a report, the future
    /// dropped.
    pub(super) stop: Option<Duration>,
    pub(super) end: Option<Duration>,
    pub(super) dropped: Option<Duration>,
    /// The limit for a job without progress.
    pub(super) stalled_after: Option<Duration>,
}

impl RunPlan {
    pub(super) fn is_disturbed(&self) -> bool {
        self.deadline.is_some() || self.stop.is_some() || self.end.is_some()
    }
}

impl Scenario {
    pub(super) fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rng = &mut rng;
        // Small fleets find the same mistakes as large ones, and many more of them can be tried.
        let servers = match rng.random_range(0..10) {
            0 => 1,
            1..9 => rng.random_range(2..30),
            _ => rng.random_range(30..200),
        };
        let quota = match rng.random_range(0..3) {
            0 => 1000,
            1 => rng.random_range(1..=20),
            _ => rng.random_range(10..=60),
        };
        let most_in_a_batch = rng.random_range(1..=40_usize);
        let enforced = if rng.random_bool(0.3) {
            // The client may assume too much, but no request may be too large forever.
            rng.random_range(most_in_a_batch.min(quota)..=quota)
        } else {
            // No quota at all: only the client keeps to one.
            usize::MAX
        };
        let some = |rng: &mut ChaCha8Rng, shares: &[f64]| {
            if rng.random_bool(0.5) {
                0.0
            } else {
                pick(rng, shares)
            }
        };
        let longest = pick(rng, &[35, 35, 5, 1]);
        let region = RegionBuilder::default()
            .seed(seed)
            .servers(servers)
            .quota(enforced)
            .throttling(pick(rng, &[Throttling::FlowLimit, Throttling::Gateway]))
            .max_servers_per_request(pick(rng, &[1000, 1000, 1000, 25, 7, 1]))
            // A busy server is refused, which would hide a duplicate request: some are busy only
            // for an instant.
            .durations(Duration::from_millis(longest * 300)..=Duration::from_secs(longest))
            .failing(some(rng, &[0.05, 0.5, 1.0]))
            .locked(some(rng, &[0.02, 0.2]))
            .shutoff(some(rng, &[0.02, 0.5]));
        let attempt_timeout = Duration::from_secs(pick(rng, &[2, 10, 60]));
        let mut faults = if rng.random_bool(0.1) {
            Faults::none(seed)
        } else {
            Faults::drawn(seed)
        };
        // Connecting, there and back: a way that is not slow is in time.
        let longest = (*faults.delay.end()).min(attempt_timeout / 4);
        faults.delay = Duration::ZERO..=longest;
        let endless = faults.stuck_jobs > 0.0;
        let runs = if rng.random_bool(0.7) { 1 } else { 2 };
        let shares: Vec<f64> = match runs {
            1 => vec![1.0],
            _ => {
                let first = rng.random();
                vec![first, 1.0 - first]
            }
        };
        Self {
            region: large_project(seed, region, servers),
            servers,
            records: None,
            gateway: None,
            absent: if rng.random_bool(0.2) {
                rng.random_range(1..4)
            } else {
                0
            },
            quota,
            submissions: rng.random_range(1..=6),
            queries: rng.random_range(1..=8),
            attempt_timeout,
            max_failures: rng.random_range(1..=6),
            polling: if rng.random() {
                Polling::default()
            } else {
                let (first, floor) = (secs(rng, 0..20), secs(rng, 1..10));
                Polling::adaptive(first, floor, secs(rng, 1..20).max(floor))
            },
            faults,
            runs: shares
                .into_iter()
                .map(|share| RunPlan::draw(rng, share, most_in_a_batch))
                .map(|plan| RunPlan {
                    deadline: match plan.stalled_after {
                        // In some seeds only the default limit ends it.
                        None if endless && !seed.is_multiple_of(4) => plan.deadline.or(Some(LAST)),
                        _ => plan.deadline,
                    },
                    ..plan
                })
                .collect(),
            wait: rng
                .random_bool(0.3)
                .then(|| sometime(rng, 0.5).or(endless.then_some(LAST))),
        }
    }

    /// Returns the servers of each run: those of the region and some that do not exist, shuffled
    /// and dealt.
    pub(super) fn deal(&self, seed: u64, mut servers: Vec<ServerId>) -> Vec<Vec<ServerId>> {
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        servers.truncate(self.servers);
        servers.extend((0..self.absent).map(|_| ServerId::from_bytes(rng.random())));
        servers.shuffle(&mut rng);
        let all = servers.len();
        let mut parts: Vec<Vec<ServerId>> = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let count = if index + 1 == self.runs.len() {
                servers.len()
            } else {
                // Rounding cannot exceed the number of servers.
                ((all as f64 * run.share) as usize).min(servers.len())
            };
            parts.push(servers.drain(..count).collect());
        }
        parts
    }
}

impl RunPlan {
    /// Enables reconciliation, without disturbances.
    pub(super) fn reconcile_undisturbed(&mut self) {
        self.reconcile = true;
        self.wait = true;
        (self.stop, self.end, self.dropped) = (None, None, None);
        self.deadline = None;
        self.stalled_after = Some(Duration::from_secs(900));
    }

    fn draw(rng: &mut ChaCha8Rng, share: f64, most_in_a_batch: usize) -> Self {
        let action = match rng.random_range(0..6) {
            0 => PowerAction::Start,
            1 => PowerAction::Stop(pick(
                rng,
                &[None, Some(StopType::Soft), Some(StopType::Hard)],
            )),
            2 => PowerAction::Reboot(RebootType::Hard),
            _ => PowerAction::Reboot(RebootType::Soft),
        };
        Self {
            action,
            share,
            batch_size: rng.random_range(1..=most_in_a_batch),
            wait: rng.random_bool(0.9),
            reconcile: rng.random_bool(0.4),
            starts_after: sometime(rng, 0.3).unwrap_or_default(),
            deadline: sometime(rng, 0.3),
            stop: sometime(rng, 0.2),
            end: sometime(rng, 0.15),
            dropped: sometime(rng, 0.1),
            stalled_after: rng.random_bool(0.3).then(|| secs(rng, 60..900)),
        }
    }
}

/// Adds many other servers to the project in some seeds, and lists by id, so that runs read servers
/// in other ways than the whole list. Drawn separately from the rest, so that nothing else of a
/// seed changes.
fn large_project(seed: u64, region: RegionBuilder, servers: usize) -> RegionBuilder {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7072_6f6a_6563_7421);
    let rng = &mut rng;
    if !rng.random_bool(0.08) {
        return region;
    }
    let others = rng.random_range(400..1_600);
    let filters = [
        IdFilter::Ignored,
        IdFilter::Refused,
        IdFilter::Limited(ecs_sim::FILTERED_IDS),
        IdFilter::Limited(20),
    ];
    let queries = pick(rng, &[usize::MAX, usize::MAX, 30]);
    region
        .servers(servers + others)
        .id_filter(pick(rng, &filters))
        .queries_per_minute(queries)
}

impl Scenario {
    /// Lets others act on every server within about the first minute; each request has one server,
    /// and many are lost.
    pub(super) fn crowd(&mut self, seed: u64, records: &mut RecordsPlan) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x6372_6f77_6465_6421);
        for run in &mut self.runs {
            run.reconcile_undisturbed();
            run.action = PowerAction::Reboot(RebootType::Soft);
            run.batch_size = 1;
        }
        self.faults.loss_before = 0.3;
        self.faults.clock_steps = 0.0;
        (records.readable, records.traces) = (ActionRecords::Readable, TraceAccess::Denied);
        records.delay = (0, 0);
        let places = 0..self.servers.min(20);
        let other = |place| OtherAction {
            at: Duration::from_millis(rng.random_range(2_000..90_000)),
            place,
            action: Action::Reboot(RebootType::Hard),
        };
        records.others = places.map(other).collect();
    }

    /// Applies the records to the region.
    pub(super) fn apply(&mut self, records: &RecordsPlan) {
        let (from, to) = records.delay;
        let mut region = self
            .region
            .clone()
            .action_records(records.readable)
            .record_delay(Duration::from_secs(from)..=Duration::from_secs(to))
            .traces(records.traces);
        let (from, to) = records.trace_delay;
        region = region.trace_delay(Duration::from_secs(from)..=Duration::from_secs(to));
        for other in &records.others {
            region = region.other_action(other.clone());
        }
        self.region = region;
    }
}
