//! The servers and their state at a given time.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ecs_model::{RebootType, ServerId, ShortText};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::action::Action;
use crate::seed::{self, Purpose};
use crate::settings::{HANG_LIMIT, Settings};

/// The state of a server at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Active,
    Shutoff,
    /// After a failed restart.
    Broken,
}

/// An action that is performed on a server.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) action: Action,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
    pub(crate) fails: bool,
}

/// The end of actions that never end: beyond any simulated time, and within every calendar.
pub(crate) const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Task {
    /// Returns whether it hangs for so long that a hard restart is allowed.
    fn hangs(&self, now: Duration) -> bool {
        self.end == NEVER && now >= self.begin.saturating_add(HANG_LIMIT)
    }

    fn outcome(&self, before: Power) -> Power {
        match self.action {
            Action::Reboot(_) if self.fails => Power::Broken,
            _ if self.fails => before,
            Action::Reboot(_) | Action::Start => Power::Active,
            Action::Stop(_) => Power::Shutoff,
        }
    }
}

/// A time in seconds of the region's clock; negative before its epoch.
pub(crate) type Moment = i64;

pub(crate) fn moment(at: Duration) -> Moment {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// One server. Since there may be hundreds of thousands, derived values are not stored.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) id: ServerId,
    pub(crate) name: ShortText,
    /// The id of the host that it runs on.
    pub(crate) host: Arc<str>,
    pub(crate) created: Moment,
    pub(crate) locked: bool,
    pub(crate) always_fails: bool,
    place: u32,
    role: u8,
    env: u8,
    zone: u8,
    flavor: u8,
    power: Power,
    updated: Moment,
    task: Option<Box<Task>>,
    acted_on: u32,
}

/// The state of a server at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) status: &'static str,
    pub(crate) vm_state: &'static str,
    pub(crate) task_state: Option<&'static str>,
    pub(crate) updated: Moment,
}

impl Server {
    pub(crate) fn role(&self) -> &'static str {
        ROLES[usize::from(self.role)]
    }

    pub(crate) fn env(&self) -> &'static str {
        ENVS[usize::from(self.env)]
    }

    pub(crate) fn zone(&self) -> &'static str {
        ZONES[usize::from(self.zone)]
    }

    pub(crate) fn flavor(&self) -> &'static Flavor {
        &FLAVORS[usize::from(self.flavor)]
    }

    /// Returns the number of the series in which the server was created; a series has up to 20.
    pub(crate) fn reservation(&self) -> u32 {
        self.place / RESERVATION
    }

    /// Returns the private address, unique to the server: from 10.0.0.4 on.
    pub(crate) fn ip(&self) -> Ipv4Addr {
        let [_, high, middle, low] = self.place.saturating_add(4).to_be_bytes();
        Ipv4Addr::new(10, high, middle, low)
    }

    /// Returns the power at rest, when it last changed, and the task that is not over.
    fn at(&self, now: Duration) -> (Power, Moment, Option<&Task>) {
        match &self.task {
            Some(task) if now >= task.end => (task.outcome(self.power), moment(task.end), None),
            task => (self.power, self.updated, task.as_deref()),
        }
    }

    pub(crate) fn power(&self, now: Duration) -> Power {
        self.at(now).0
    }

    pub(crate) fn is_busy(&self, now: Duration) -> bool {
        self.at(now).2.is_some()
    }

    /// Returns whether its task hangs for so long that a hard restart is allowed.
    pub(crate) fn hangs(&self, now: Duration) -> bool {
        self.at(now).2.is_some_and(|task| task.hangs(now))
    }

    pub(crate) fn view(&self, now: Duration) -> View {
        let (power, updated, task) = self.at(now);
        let (rest, vm_state) = match power {
            Power::Active => ("ACTIVE", "active"),
            Power::Shutoff => ("SHUTOFF", "stopped"),
            Power::Broken => ("ERROR", "error"),
        };
        let (status, task_state) = match task.map(|task| (task.action, now >= task.begin)) {
            None => (rest, None),
            Some((Action::Reboot(RebootType::Soft), false)) => ("REBOOT", Some("rebooting")),
            Some((Action::Reboot(RebootType::Soft), true)) => ("REBOOT", Some("reboot_started")),
            Some((Action::Reboot(RebootType::Hard), false)) => {
                ("HARD_REBOOT", Some("rebooting_hard"))
            }
            Some((Action::Reboot(RebootType::Hard), true)) => {
                ("HARD_REBOOT", Some("reboot_started_hard"))
            }
            Some((Action::Start, _)) => (rest, Some("powering-on")),
            Some((Action::Stop(_), _)) => (rest, Some("powering-off")),
        };
        View {
            status,
            vm_state,
            task_state,
            updated,
        }
    }

    /// Counts an action, and returns the number of actions before it.
    pub(crate) fn count_action(&mut self) -> u32 {
        let before = self.acted_on;
        self.acted_on = before.saturating_add(1);
        before
    }

    /// Begins a task. The effect of the previous one is kept.
    pub(crate) fn begin(&mut self, task: Task, now: Duration) {
        self.power = self.power(now);
        self.updated = moment(now);
        self.task = Some(Box::new(task));
    }
}

/// The flavor of a server.
#[derive(Debug)]
pub(crate) struct Flavor {
    pub(crate) id: &'static str,
    pub(crate) vcpus: &'static str,
    pub(crate) ram: &'static str,
}

const FLAVORS: [Flavor; 3] = [
    Flavor {
        id: "s3.medium.2",
        vcpus: "1",
        ram: "2048",
    },
    Flavor {
        id: "s3.large.2",
        vcpus: "2",
        ram: "4096",
    },
    Flavor {
        id: "s3.xlarge.4",
        vcpus: "4",
        ram: "16384",
    },
];
const ROLES: [&str; 4] = ["web", "app", "db", "cache"];
const ENVS: [&str; 3] = ["prod", "stage", "test"];
const ZONES: [&str; 3] = ["sim-1a", "sim-1b", "sim-1c"];
const RESERVATION: u32 = 20;
/// The average number of servers on a host.
const ON_A_HOST: usize = 6;

/// All servers.
#[derive(Debug)]
pub(crate) struct Fleet {
    servers: Vec<Server>,
    places: HashMap<ServerId, u32>,
}

impl Fleet {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut rng = seed::rng(settings.seed, Purpose::Fleet);
        let mut hosts = Hosts::new(settings);
        let mut numbers = [0_u32; ROLES.len()];
        let mut servers = Vec::with_capacity(settings.servers);
        let mut places = HashMap::with_capacity(settings.servers);
        // MAX_SERVERS is far below the range of 32 bits.
        let last = u32::try_from(settings.servers).unwrap_or(u32::MAX);
        for place in 0..last {
            let role = pick(&mut rng, &[45, 30, 15, 10]);
            numbers[role] += 1;
            let id = server_id(&mut rng);
            let env = pick(&mut rng, &[60, 25, 15]);
            let zone = pick(&mut rng, &[1, 1, 1]);
            let name = format!("{}-{:03}", ROLES[role], numbers[role]);
            let mut server = Server {
                id,
                name: name.as_str().into(),
                place,
                role: small(role),
                env: small(env),
                zone: small(zone),
                host: hosts.pick(zone),
                flavor: small(pick(&mut rng, &[5, 3, 2])),
                // Up to a year before the region's clock started.
                created: -rng.random_range(86_400..365 * 86_400),
                locked: rng.random_bool(settings.locked),
                always_fails: false,
                power: if rng.random_bool(settings.shutoff) {
                    Power::Shutoff
                } else {
                    Power::Active
                },
                updated: 0,
                task: None,
                acted_on: 0,
            };
            server.updated = rng.random_range(server.created..0);
            places.insert(server.id, place);
            servers.push(server);
        }
        Self { servers, places }
    }

    pub(crate) fn all(&self) -> &[Server] {
        &self.servers
    }

    pub(crate) fn place(&self, id: &ServerId) -> Option<u32> {
        self.places.get(id).copied()
    }

    pub(crate) fn at(&self, place: u32) -> Option<&Server> {
        self.servers.get(usize::try_from(place).ok()?)
    }

    pub(crate) fn at_mut(&mut self, place: u32) -> Option<&mut Server> {
        self.servers.get_mut(usize::try_from(place).ok()?)
    }

    pub(crate) fn find(&self, id: &ServerId) -> Option<&Server> {
        self.at(self.place(id)?)
    }

    pub(crate) fn find_mut(&mut self, id: &ServerId) -> Option<&mut Server> {
        self.at_mut(self.place(id)?)
    }
}

/// The hosts of each zone.
struct Hosts {
    rng: ChaCha8Rng,
    ids: Vec<Vec<Arc<str>>>,
}

impl Hosts {
    fn new(settings: &Settings) -> Self {
        let each = settings.servers.div_ceil(ZONES.len() * ON_A_HOST).max(1);
        let zones = (0..).take(ZONES.len());
        let hosts = |zone| (0..).take(each).map(move |host| (zone, host));
        let id = |(zone, host)| host_id(&mut seed::host(settings.seed, zone, host));
        Self {
            rng: seed::rng(settings.seed, Purpose::Hosts),
            ids: zones.map(|zone| hosts(zone).map(id).collect()).collect(),
        }
    }

    /// Picks one of a zone's hosts.
    fn pick(&mut self, zone: usize) -> Arc<str> {
        let hosts = &self.ids[zone];
        hosts[self.rng.random_range(0..hosts.len())].clone()
    }
}

/// Draws 56 hex digits, as of a SHA-224.
fn host_id(rng: &mut ChaCha8Rng) -> Arc<str> {
    let bytes: [u8; 28] = rng.random();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
}

/// Draws an index by weight.
fn pick(rng: &mut ChaCha8Rng, weights: &[u32]) -> usize {
    let mut left = rng.random_range(0..weights.iter().sum());
    for (index, &weight) in weights.iter().enumerate() {
        if left < weight {
            return index;
        }
        left -= weight;
    }
    0
}

/// Converts the index of one of a few.
fn small(index: usize) -> u8 {
    u8::try_from(index).unwrap_or_default()
}

/// Draws a random UUID: version 4, variant 1.
fn server_id(rng: &mut ChaCha8Rng) -> ServerId {
    let mut bytes: [u8; 16] = rng.random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    ServerId::from_bytes(bytes)
}
