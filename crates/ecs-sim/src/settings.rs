//! What a region keeps of its settings, and the defaults and limits of these.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::listing::{IdFilter, ListQuirk};
use crate::records::{ActionRecords, OtherAction};
use crate::scaling::ScalingGroup;
use crate::traces::TraceAccess;

/// How many servers a region has if nothing else is said.
pub const DEFAULT_SERVERS: usize = 20;
/// The most servers a region can have.
pub const MAX_SERVERS: usize = 1_000_000;
/// How many servers one action takes in any [`QUOTA_WINDOW`], as the pages of the batch actions say.
pub const DEFAULT_QUOTA: usize = 1000;
/// The window that the quota is counted in.
pub const QUOTA_WINDOW: Duration = Duration::from_secs(60);
/// The shortest and the longest time that an action takes on a server, if nothing else is said.
pub const DEFAULT_DURATIONS: RangeInclusive<Duration> =
    Duration::from_secs(15)..=Duration::from_secs(35);
/// How long a soft restart must hang before a hard one of the same server is accepted: 30 minutes, as the vendor's user guide
/// has it.
pub const HANG_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long a finished job can still be asked for.
pub const JOB_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a token lives that IAM issues, if nothing else is said.
pub const DEFAULT_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long temporary keys live that the metadata service gives, if nothing else is said.
pub const DEFAULT_KEY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// This many wrong signatures in a row lock a key.
pub const WRONG_SIGNATURES: u32 = 5;
/// How long a key is locked.
pub const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

/// What can be denied: the names that the service's policies have for it.
pub const PERMISSIONS: [&str; 7] = [
    "ecs:cloudServers:reboot",
    "ecs:cloudServers:start",
    "ecs:cloudServers:stop",
    "ecs:cloudServers:list",
    "ecs:cloudServers:get",
    "as:groups:list",
    "as:instances:list",
];

/// How the metadata service gives temporary keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metadata {
    /// To everybody; who opens a session (`PUT /meta-data/latest/api/token`) can use it.
    #[default]
    Open,
    /// Only in a session.
    Protected,
    /// To everybody; it knows nothing of sessions.
    Plain,
    /// To nobody: the server that it serves has no agency.
    NoAgency,
}

/// How a region answers what is over its quota. Either way nothing of the request is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Throttling {
    /// 202 with an error body, code `Common.0024`.
    #[default]
    FlowLimit,
    /// 429 as the gateway in front of the service answers: `APIGW.0308`, with the limit in the message.
    Gateway,
}

/// What a region keeps of its settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) servers: usize,
    pub(crate) seed: u64,
    pub(crate) durations: RangeInclusive<Duration>,
    pub(crate) quota: usize,
    pub(crate) throttling: Throttling,
    pub(crate) max_servers_per_request: usize,
    pub(crate) failing: f64,
    pub(crate) hanging: f64,
    pub(crate) shutoff: f64,
    pub(crate) locked: f64,
    pub(crate) epoch: Option<Timestamp>,
    pub(crate) token_life: Duration,
    pub(crate) key_life: Duration,
    pub(crate) passcode: Option<SecretString>,
    pub(crate) metadata: Metadata,
    pub(crate) read_only: bool,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) list_quirks: Vec<ListQuirk>,
    pub(crate) id_filter: IdFilter,
    /// The most queries of one kind in any [`QUOTA_WINDOW`].
    pub(crate) queries_per_minute: usize,
    /// The place in the list of the server that the metadata service serves.
    pub(crate) own_server: Option<usize>,
    /// Nothing where there is no Auto Scaling service.
    pub(crate) scaling: Option<Vec<ScalingGroup>>,
    pub(crate) action_records: ActionRecords,
    pub(crate) record_delay: RangeInclusive<Duration>,
    pub(crate) traces: TraceAccess,
    pub(crate) trace_delay: RangeInclusive<Duration>,
    /// In the order of their time.
    pub(crate) others: Vec<OtherAction>,
}
