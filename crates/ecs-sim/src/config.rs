//! Builder of a region.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use ecs_model::{BatchRebootServers, ProjectId};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::admission;
use crate::identity::Identity;
use crate::listing::{IdFilter, ListQuirk};
use crate::records::{ActionRecords, OtherAction};
use crate::scaling::ScalingGroup;
use crate::settings::{
    DEFAULT_DURATIONS, DEFAULT_KEY_LIFE, DEFAULT_QUOTA, DEFAULT_SERVERS, DEFAULT_TOKEN_LIFE,
    MAX_SERVERS, Metadata, PERMISSIONS, Settings, Throttling,
};
use crate::traces::TraceAccess;
use crate::{Region, SimError};

/// Settings of a [`Region`].
///
/// ```
/// use std::time::Duration;
/// use ecs_sim::{Region, Throttling};
///
/// let region = Region::builder()
///     .servers(1200)
///     .seed(42)
///     .durations(Duration::from_secs(5)..=Duration::from_secs(8))
///     .throttling(Throttling::Gateway)
///     .failing(0.02)
///     .build()?;
/// assert_eq!(region.servers().count(), 1200);
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct RegionBuilder {
    pub(crate) settings: Settings,
    name: Option<String>,
    project_id: Option<ProjectId>,
    token: Option<SecretString>,
    access_key: Option<(String, SecretString)>,
}

impl Default for RegionBuilder {
    fn default() -> Self {
        Self {
            settings: Settings {
                servers: DEFAULT_SERVERS,
                seed: 1,
                durations: DEFAULT_DURATIONS,
                quota: DEFAULT_QUOTA,
                throttling: Throttling::default(),
                max_servers_per_request: BatchRebootServers::MAX_SERVERS,
                failing: 0.0,
                hanging: 0.0,
                shutoff: 0.0,
                locked: 0.0,
                epoch: None,
                token_life: DEFAULT_TOKEN_LIFE,
                key_life: DEFAULT_KEY_LIFE,
                passcode: None,
                metadata: Metadata::default(),
                read_only: false,
                denied: BTreeSet::new(),
                list_quirks: Vec::new(),
                id_filter: IdFilter::default(),
                queries_per_minute: usize::MAX,
                own_server: None,
                scaling: Some(Vec::new()),
                action_records: ActionRecords::default(),
                record_delay: Duration::ZERO..=Duration::ZERO,
                traces: TraceAccess::default(),
                trace_delay: Duration::ZERO..=Duration::ZERO,
                others: Vec::new(),
            },
            name: None,
            project_id: None,
            token: None,
            access_key: None,
        }
    }
}

impl RegionBuilder {
    /// Sets the number of servers, at most [`MAX_SERVERS`]. Default: [`DEFAULT_SERVERS`].
    pub fn servers(mut self, servers: usize) -> Self {
        self.settings.servers = servers;
        self
    }

    /// Sets the seed of all randomness. Default: 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the region's name. Default: `sim-1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the project of the servers. Default: drawn from the seed.
    pub fn project_id(mut self, project_id: ProjectId) -> Self {
        self.project_id = Some(project_id);
        self
    }

    /// Sets a token that never expires. Default: drawn from the seed.
    pub fn token(mut self, token: impl Into<SecretString>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the permanent key pair. Default: drawn from the seed.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.access_key = Some((id.into(), secret.into()));
        self
    }

    /// Sets the lifetime of tokens that IAM issues, by the region's clock. Default:
    /// [`DEFAULT_TOKEN_LIFE`].
    pub fn token_life(mut self, life: Duration) -> Self {
        self.settings.token_life = life;
        self
    }

    /// Sets the lifetime of temporary keys, by the region's clock; new ones are given in its second
    /// half. Default: [`DEFAULT_KEY_LIFE`].
    pub fn key_life(mut self, life: Duration) -> Self {
        self.settings.key_life = life;
        self
    }

    /// Requires this passcode for logins, as for a user with a virtual MFA device. It never changes
    /// and can be reused. Default: not required.
    pub fn passcode(mut self, passcode: impl Into<SecretString>) -> Self {
        self.settings.passcode = Some(passcode.into());
        self
    }

    /// Sets how the metadata service gives temporary keys.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.settings.metadata = metadata;
        self
    }

    /// Allows only reads: actions are refused with 403. Default: everything is allowed.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.settings.read_only = read_only;
        self
    }

    /// Denies one of [`PERMISSIONS`] to everybody. Can be called for several.
    pub fn deny(mut self, permission: impl Into<String>) -> Self {
        self.settings.denied.insert(permission.into());
        self
    }

    /// Adds a misbehaviour of the list of servers. Can be called for several.
    pub fn list_quirk(mut self, quirk: ListQuirk) -> Self {
        self.settings.list_quirks.push(quirk);
        self
    }

    /// Sets the handling of the list's `server_id` parameter. Default: ignored.
    pub fn id_filter(mut self, filter: IdFilter) -> Self {
        self.settings.id_filter = filter;
        self
    }

    /// Sets the largest number of queries of each kind (lists of servers, single servers, jobs) in
    /// any [`QUOTA_WINDOW`](crate::QUOTA_WINDOW). The gateway answers further ones with 429,
    /// `APIGW.0308`. Default: no limit.
    pub fn queries_per_minute(mut self, queries: usize) -> Self {
        self.settings.queries_per_minute = queries;
        self
    }

    /// Makes the metadata service that of the server at this place of the list, from 0. Default:
    /// that of a server elsewhere.
    pub fn own_server(mut self, place: usize) -> Self {
        self.settings.own_server = Some(place);
        self
    }

    /// Adds an auto-scaling group. Its members are not changed: the group does nothing by itself.
    pub fn scaling_group(mut self, group: ScalingGroup) -> Self {
        self.settings.scaling.get_or_insert_default().push(group);
        self
    }

    /// Removes the Auto Scaling service: its paths do not exist. Default: it exists, without
    /// groups.
    pub fn without_scaling(mut self) -> Self {
        self.settings.scaling = None;
        self
    }

    /// Sets who may read the records of actions on servers. Default: every authenticated caller.
    pub fn action_records(mut self, records: ActionRecords) -> Self {
        self.settings.action_records = records;
        self
    }

    /// Sets the shortest and the longest delay until the record of an action is readable, drawn
    /// uniformly. Default: no delay.
    pub fn record_delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.settings.record_delay = delay;
        self
    }

    /// Sets whether Cloud Trace Service exists, and who may read its traces. Default: every
    /// authenticated caller.
    pub fn traces(mut self, traces: TraceAccess) -> Self {
        self.settings.traces = traces;
        self
    }

    /// Sets the shortest and the longest delay until the trace of a request is readable, drawn
    /// uniformly. Default: no delay.
    pub fn trace_delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.settings.trace_delay = delay;
        self
    }

    /// Adds an action of another user. Can be called for several.
    pub fn other_action(mut self, action: OtherAction) -> Self {
        self.settings.others.push(action);
        self.settings.others.sort_by_key(|action| action.at);
        self
    }

    /// Sets the shortest and the longest duration of an action on a server, drawn uniformly.
    /// Default: [`DEFAULT_DURATIONS`]. A job first prepares for a twentieth of the shortest.
    pub fn durations(mut self, durations: RangeInclusive<Duration>) -> Self {
        self.settings.durations = durations;
        self
    }

    /// Sets how many servers each of restart, start and stop accepts in any
    /// [`QUOTA_WINDOW`](crate::QUOTA_WINDOW). Default: [`DEFAULT_QUOTA`]. A request is accepted as
    /// a whole or not at all, so one with more servers than the quota never is.
    pub fn quota(mut self, servers: usize) -> Self {
        self.settings.quota = servers;
        self
    }

    /// Sets how a request over the quota is answered.
    pub fn throttling(mut self, throttling: Throttling) -> Self {
        self.settings.throttling = throttling;
        self
    }

    /// Sets the largest number of servers in one request, from 1 to 1,000; more are refused with
    /// `Ecs.0118`. Default: 1,000.
    pub fn max_servers_per_request(mut self, servers: usize) -> Self {
        self.settings.max_servers_per_request = servers;
        self
    }

    /// Sets the share of actions on a server that fail, from 0 to 1. Default: none.
    pub fn failing(mut self, share: f64) -> Self {
        self.settings.failing = share;
        self
    }

    /// Sets the share of soft restarts that hang, from 0 to 1: the server stays in status `REBOOT`
    /// with a task, and its job never ends. A hard restart is accepted after
    /// [`HANG_LIMIT`](crate::HANG_LIMIT) and takes its usual time. Default: none.
    pub fn hanging(mut self, share: f64) -> Self {
        self.settings.hanging = share;
        self
    }

    /// Sets the share of servers that are initially stopped, from 0 to 1. Default: none.
    pub fn shutoff(mut self, share: f64) -> Self {
        self.settings.shutoff = share;
        self
    }

    /// Sets the share of servers that are locked, from 0 to 1: a request that names one is refused.
    /// Default: none.
    pub fn locked(mut self, share: f64) -> Self {
        self.settings.locked = share;
        self
    }

    /// Sets the calendar time at which the region's clock starts. Default: 2026-01-01T00:00:00Z,
    /// and over HTTP the time at which the server was bound.
    pub fn epoch(mut self, epoch: Timestamp) -> Self {
        self.settings.epoch = Some(epoch);
        self
    }

    /// Builds the region.
    ///
    /// # Errors
    /// Fails for a share outside of 0 to 1, an empty range of durations, too many servers, an
    /// invalid limit, a zero lifetime, or an access key with invalid characters.
    pub fn build(self) -> Result<Region, SimError> {
        let settings = self.settings;
        for (name, share) in [
            ("failing", settings.failing),
            ("hanging", settings.hanging),
            ("stopped", settings.shutoff),
            ("locked", settings.locked),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(SimError::config(format!(
                    "the share of {name} servers must be from 0 to 1, not {share}"
                )));
            }
        }
        if settings.record_delay.is_empty() || settings.trace_delay.is_empty() {
            return Err(SimError::config(
                "the longest delay of records must not be shorter than the shortest",
            ));
        }
        if settings.durations.is_empty() {
            return Err(SimError::config(
                "the longest duration must not be shorter than the shortest",
            ));
        }
        if settings.servers > MAX_SERVERS {
            return Err(SimError::config(format!(
                "at most {MAX_SERVERS} servers can be simulated, not {}",
                settings.servers
            )));
        }
        let most = BatchRebootServers::MAX_SERVERS;
        if !(1..=most).contains(&settings.max_servers_per_request) {
            return Err(SimError::config(format!(
                "a request may name from 1 to {most} servers, not {}",
                settings.max_servers_per_request
            )));
        }
        if settings.token_life.is_zero() || settings.key_life.is_zero() {
            return Err(SimError::config("tokens and keys must live for some time"));
        }
        let unknown = |permission: &&String| !PERMISSIONS.contains(&permission.as_str());
        if let Some(permission) = settings.denied.iter().find(unknown) {
            let known = PERMISSIONS.join(", ");
            return Err(SimError::config(format!(
                "there is no permission {permission:?}, only: {known}"
            )));
        }
        let mut identity = Identity::generate(settings.seed)?;
        if let Some(name) = self.name {
            identity.region = name;
        }
        if let Some(project_id) = self.project_id {
            identity.project_id = project_id;
        }
        if let Some(token) = self.token {
            identity.token = token;
        }
        if let Some((id, secret)) = self.access_key {
            identity.access_key = id;
            identity.secret_key = secret;
        }
        let pair = admission::pair(&identity.access_key, identity.secret_key.expose_secret())?;
        Ok(Region::new(settings, identity, pair))
    }
}

impl Region {
    /// Returns a builder of a region.
    pub fn builder() -> RegionBuilder {
        RegionBuilder::default()
    }
}
