//! The settings of a region, with their defaults and limits.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::listing::{IdFilter, ListQuirk};
use crate::records::{ActionRecords, OtherAction};
use crate::scaling::ScalingGroup;
use crate::traces::TraceAccess;

/// The default number of servers.
pub const DEFAULT_SERVERS: usize = 20;
/// The largest number of servers of a region.
pub const MAX_SERVERS: usize = 1_000_000;
/// The number of servers that one action accepts in any [`QUOTA_WINDOW`], as the pages of the batch
/// actions document.
pub const DEFAULT_QUOTA: usize = 1000;
/// The window of the quota.
pub const QUOTA_WINDOW: Duration = Duration::from_secs(60);
/// The default shortest and longest duration of an action on a server.
pub const DEFAULT_DURATIONS: RangeInclusive<Duration> =
    Duration::from_secs(15)..=Duration::from_secs(35);
/// The time for which a soft restart must hang before a hard one of the same server is accepted: 30
/// minutes, from the vendor's user guide.
pub const HANG_LIMIT: Duration = Duration::from_secs(30 * 60);
/// The time for which a finished job can be queried.
pub const JOB_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The default lifetime of a token that IAM issues.
pub const DEFAULT_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The default lifetime of temporary keys from the metadata service.
pub const DEFAULT_KEY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The number of wrong signatures in a row that lock a key.
pub const WRONG_SIGNATURES: u32 = 5;
/// The time for which a key is locked.
pub const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

/// The permissions that can be denied, by the names of the service's policies.
pub const PERMISSIONS: [&str; 7] = [
    "ecs:cloudServers:reboot",
    "ecs:cloudServers:start",
    "ecs:cloudServers:stop",
    "ecs:cloudServers:list",
    "ecs:cloudServers:get",
    "as:groups:list",
    "as:instances:list",
];

/// The way in which the metadata service gives temporary keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metadata {
    /// To everybody; a session (`PUT /meta-data/latest/api/token`) is optional.
    #[default]
    Open,
    /// Only in a session.
    Protected,
    /// To everybody; sessions are not supported.
    Plain,
    /// To no caller: the server has no agency.
    NoAgency,
}

/// The answer of a region to a request over its quota. In either case nothing of it is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Throttling {
    /// 202 with an error body, code `Common.0024`.
    #[default]
    FlowLimit,
    /// 429 as the gateway in front of the service answers: `APIGW.0308`, with the limit in the message.
    Gateway,
}

/// The settings of a region.
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
    /// The largest number of queries of one kind in any [`QUOTA_WINDOW`].
    pub(crate) queries_per_minute: usize,
    /// The place in the list of the server that the metadata service serves.
    pub(crate) own_server: Option<usize>,
    /// `None` disables the Auto Scaling service.
    pub(crate) scaling: Option<Vec<ScalingGroup>>,
    pub(crate) action_records: ActionRecords,
    pub(crate) record_delay: RangeInclusive<Duration>,
    pub(crate) traces: TraceAccess,
    pub(crate) trace_delay: RangeInclusive<Duration>,
    /// In the order of their time.
    pub(crate) others: Vec<OtherAction>,
}
