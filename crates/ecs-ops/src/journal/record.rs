//! What is written down. Every change to what these look like as JSON needs a new [`Entry::VERSION`], and a fixture of the
//! old one in `fixtures/`.

use std::time::Duration;

use ecs_auth::ResolvedTarget;
use ecs_model::{JobId, ProjectId, RebootType, ServerId, StopType};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::outcome::{ErrorRecord, OutcomeRecord};
use crate::Endpoint;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::rolling::{AfterCanary, CountOrPercent, Rules};

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its number, counted from 0.
    pub seq: u64,
    /// When it was written, by our clock.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

impl Entry {
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// An entry from a journal of your own.
    pub fn new(seq: u64, at: Timestamp, record: Record) -> Self {
        Self { seq, at, record }
    }
}

/// One thing that happened in a run, or that is about to. Requests are counted from 1, waves from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Record {
    /// The first record: what the run is.
    Run(Box<RunRecord>),
    /// Servers as they were before the run, for `reconcile`.
    #[serde(rename = "before")]
    InitialState {
        /// What was seen.
        servers: Vec<ServerSnapshot>,
    },
    /// These servers are going to be sent as this request.
    Intent {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Which attempt at it, counted from 1.
        attempt: u32,
        /// Why.
        purpose: Purpose,
        /// All of its servers.
        servers: Vec<ServerId>,
    },
    /// From now on the request may have left.
    Sending {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The attempt.
        attempt: u32,
        /// The latest that the service's clock may show, as far as it is known.
        #[serde(rename = "theirs")]
        remote: Option<Timestamp>,
    },
    /// The service took the request.
    Accepted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Its job.
        job_id: JobId,
        /// The service's id of the exchange.
        request_id: Option<String>,
    },
    /// Certain: the attempt was not executed.
    NotExecuted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// Whether the service asked for less speed.
        throttled: bool,
        /// When it is tried again, in milliseconds; nothing if this request is not sent again as it is.
        retry_after_ms: Option<u64>,
        /// Why.
        error: ErrorRecord,
    },
    /// The fate of the request is unknown: no answer, or none that proves anything.
    #[serde(rename = "lost")]
    AnswerLost {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// What is known.
        error: ErrorRecord,
    },
    /// What became of servers: as many as became known at once.
    #[serde(rename = "verdicts")]
    Outcomes {
        /// Each with its verdict.
        servers: Vec<OutcomeRecord>,
    },
    /// A job is not looked at any more.
    #[serde(rename = "job_over")]
    JobFinished {
        /// The job.
        job_id: JobId,
        /// How it ended, if it was seen to.
        status: Option<String>,
    },
    /// The first restart of these servers ended badly; a hard one follows.
    Escalating {
        /// How each of the first ones ended.
        servers: Vec<OutcomeRecord>,
    },
    /// A wave begins.
    WaveBegan {
        /// The wave.
        wave: usize,
    },
    /// The health check after a wave ended.
    WaveChecked {
        /// The wave.
        wave: usize,
        /// Whether all is well.
        healthy: bool,
        /// What it said.
        #[serde(rename = "words")]
        message: Option<String>,
    },
    /// Somebody was asked whether to go on after the canary.
    Answered {
        /// The answer.
        #[serde(rename = "go_on")]
        proceed: bool,
    },
    /// Nothing more is submitted.
    Stopping {
        /// Why.
        reason: String,
    },
    /// Another process goes on.
    Resumed {
        /// What it is, for people.
        program: String,
    },
    /// The run ended, with a complete report.
    Ended {},
}

/// What a run is: everything that going on with it needs, but credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its id.
    pub run_id: String,
    /// What wrote it, for people.
    pub program: String,
    /// The service.
    pub endpoint: String,
    /// The project.
    pub project: ProjectId,
    /// What is done.
    #[serde(with = "action")]
    pub action: PowerAction,
    /// How many servers go into one request.
    pub batch_size: usize,
    /// Whether to wait for the jobs.
    pub wait: bool,
    /// The longest time that the run may take, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// After how long without progress a job is not waited for, in milliseconds.
    pub stalled_after_ms: Option<u64>,
    /// How long a server may take to settle after its job, in milliseconds, if that is looked at.
    pub verify_ms: Option<u64>,
    /// Whether to look at the servers of a request of unknown fate.
    pub reconcile: bool,
    /// Whether to send them again.
    pub resubmit_unknown: bool,
    /// Waves, if there are any.
    pub rolling: Option<RollingRecord>,
    /// Operator, account, project, region and endpoint, each with its origin. Since it is only added to what was there, it needs
    /// no new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ResolvedTarget>,
    /// All servers, in the order in which they were given.
    pub servers: Vec<ServerId>,
}

impl RunRecord {
    /// A run with the default settings, in one wave.
    pub fn new(
        run_id: impl Into<String>,
        endpoint: &Endpoint,
        project: ProjectId,
        action: PowerAction,
        servers: Vec<ServerId>,
    ) -> Self {
        Self {
            run_id: run_id.into(),
            program: PROGRAM.to_owned(),
            endpoint: endpoint.to_string(),
            project,
            action,
            batch_size: DEFAULT_BATCH_SIZE,
            wait: true,
            deadline_ms: None,
            stalled_after_ms: None,
            verify_ms: None,
            reconcile: false,
            resubmit_unknown: false,
            rolling: None,
            target: None,
            servers,
        }
    }
}

/// What writes journals here.
pub(crate) const PROGRAM: &str = concat!("ecs-ops ", env!("CARGO_PKG_VERSION"));

/// What a rolling run is, resolved to numbers: see [`rolling`](crate::rolling).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollingRecord {
    /// The servers of each wave.
    pub waves: Vec<Vec<ServerId>>,
    /// The pause between waves, in milliseconds.
    pub pause_ms: u64,
    /// How many servers may fail.
    pub max_failures: Option<usize>,
    /// Whether the first wave is a canary.
    pub canary: bool,
    /// The pause after the canary, in milliseconds, in place of a question.
    pub canary_pause_ms: Option<u64>,
    /// The health check after each wave, in the words of whoever runs it.
    pub health: Option<String>,
    /// How long it may take, in milliseconds. Since no run wrote waves before it was there, it needs no new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_timeout_ms: Option<u64>,
    /// After how long a soft restart is tried hard, in milliseconds.
    pub escalate_after_ms: Option<u64>,
}

impl RollingRecord {
    /// These waves by these rules.
    pub fn new(waves: Vec<Vec<ServerId>>, rules: &Rules) -> Self {
        let servers = waves.iter().map(Vec::len).sum();
        Self {
            waves,
            pause_ms: milliseconds(rules.pause),
            max_failures: rules
                .max_failures
                .map(|count_or_percent| count_or_percent.of(servers)),
            canary: rules.canary.is_some(),
            canary_pause_ms: match rules.canary {
                Some(AfterCanary::Pause(pause)) => Some(milliseconds(pause)),
                _ => None,
            },
            health: rules.check_health.then(String::new),
            health_timeout_ms: None,
            escalate_after_ms: None,
        }
    }

    /// The rules.
    pub fn rules(&self) -> Rules {
        let after = |pause| AfterCanary::Pause(Duration::from_millis(pause));
        let after = self.canary_pause_ms.map_or(AfterCanary::Ask, after);
        Rules {
            max_failures: self.max_failures.map(CountOrPercent::Count),
            pause: Duration::from_millis(self.pause_ms),
            canary: self.canary.then_some(after),
            check_health: self.health.is_some(),
        }
    }
}

/// As durations are written down.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A server as it was before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSnapshot {
    /// The server.
    pub id: ServerId,
    /// Its status.
    pub status: Option<String>,
    /// What it was busy with.
    pub task: Option<String>,
    /// Its last change, in the service's words.
    pub updated: Option<String>,
}

/// Why servers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// They were never acted on.
    First,
    /// Their fate is unknown, and the caller wants them to be sent again, once.
    Resubmit,
    /// Their soft restart ended badly: a hard one, once.
    Escalate,
}

/// [`PowerAction`] as `{"operation":"reboot","type":"SOFT"}`, the words of the report.
mod action {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ActionWire {
        operation: String,
        r#type: Option<String>,
    }

    pub(super) fn serialize<S: Serializer>(action: &PowerAction, to: S) -> Result<S::Ok, S::Error> {
        let message = ActionWire {
            operation: action.name().to_owned(),
            r#type: action.type_name().map(str::to_owned),
        };
        message.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PowerAction, D::Error> {
        let message = ActionWire::deserialize(from)?;
        let kind = message.r#type.as_deref();
        let action = match (message.operation.as_str(), kind) {
            ("reboot", Some(kind)) => RebootType::from_wire(kind).map(PowerAction::Reboot),
            ("start", None) => Some(PowerAction::Start),
            ("stop", None) => Some(PowerAction::Stop(None)),
            ("stop", Some(kind)) => {
                StopType::from_wire(kind).map(|kind| PowerAction::Stop(Some(kind)))
            }
            _ => None,
        };
        action.ok_or_else(|| D::Error::custom("an operation that does not exist"))
    }
}

#[cfg(test)]
mod tests;
