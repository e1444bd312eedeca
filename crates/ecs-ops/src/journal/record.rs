//! Records. A change of their JSON needs a new [`Entry::VERSION`] and a fixture of the old one in
//! `line/fixtures/`.

use ecs_auth::ResolvedTarget;
use ecs_model::{JobId, ProjectId, ServerId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::invocation::Invocation;
use super::outcome::{ErrorRecord, OutcomeRecord};
use super::rolling_record::{RollingRecord, is_false};
use crate::Endpoint;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::fleet::UnreadyServer;
use crate::journal::ServerNames;
use crate::report::Stopped;

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The number, counted from 0.
    pub seq: u64,
    /// The time of writing, by the local clock.
    pub at: Timestamp,
    /// The record.
    pub record: Record,
}

impl Entry {
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// An entry of another kind of journal.
    pub fn new(seq: u64, at: Timestamp, record: Record) -> Self {
        Self { seq, at, record }
    }
}

/// Something that happened in a run or is about to. Requests are counted from 1, waves from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Record {
    /// The first record: the settings of the run.
    Run(Box<RunRecord>),
    /// The servers as they were before the run, for reconciling.
    #[serde(rename = "before")]
    InitialState {
        /// The servers.
        servers: Vec<ServerSnapshot>,
    },
    /// An attempt to send this request is announced.
    Intent {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The attempt, counted from 1.
        attempt: u32,
        /// The reason.
        purpose: Purpose,
        /// All servers of the request.
        servers: Vec<ServerId>,
    },
    /// The attempt starts: from now on the request may have been sent.
    Sending {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The attempt.
        attempt: u32,
        /// The latest time that the service's clock may show; `None` if it is not known.
        #[serde(rename = "theirs")]
        remote: Option<Timestamp>,
    },
    /// The service accepted the request.
    Accepted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The job.
        job_id: JobId,
        /// The service's id of the exchange.
        request_id: Option<String>,
    },
    /// The attempt was certainly not executed.
    NotExecuted {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// `true` if the service throttled it.
        throttled: bool,
        /// Time until the next attempt, in milliseconds; `None`: there is none.
        retry_after_ms: Option<u64>,
        /// The reason.
        error: ErrorRecord,
    },
    /// The answer was lost: none came, or it proves nothing.
    #[serde(rename = "lost")]
    AnswerLost {
        /// The request.
        #[serde(rename = "batch")]
        request: usize,
        /// The reason.
        error: ErrorRecord,
    },
    /// Outcomes of servers that became known together.
    #[serde(rename = "verdicts")]
    Outcomes {
        /// The outcomes.
        servers: Vec<OutcomeRecord>,
    },
    /// A job is no longer polled.
    #[serde(rename = "job_over")]
    JobFinished {
        /// The job.
        job_id: JobId,
        /// The final status; `None` if it was not seen to end.
        status: Option<String>,
    },
    /// The soft restart of these servers failed; a hard one follows.
    Escalating {
        /// The outcomes of the soft restarts.
        servers: Vec<OutcomeRecord>,
    },
    /// The servers of a wave were read before they are sent, and some are not ready, or they could
    /// not be read. Earlier versions did not write it.
    WaveRechecked {
        /// The wave.
        wave: usize,
        /// The servers that are not ready.
        unready: Vec<UnreadyServer>,
        /// `true` if they are skipped, now and when the run is resumed; otherwise the run stops.
        skipped: bool,
        /// The reason why they could not be read; `None`: they were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// A wave began.
    WaveBegan {
        /// The wave.
        wave: usize,
    },
    /// The health check after a wave finished.
    WaveChecked {
        /// The wave.
        wave: usize,
        /// `true` if it passed.
        healthy: bool,
        /// Its message.
        #[serde(rename = "words")]
        message: Option<String>,
    },
    /// The question after the canary was answered.
    Answered {
        /// `true` if the run continues.
        #[serde(rename = "go_on")]
        proceed: bool,
    },
    /// The run sends no further request.
    Stopping {
        /// The reason, for people.
        reason: String,
        /// The reason for programs. Journals of earlier versions do not have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Stopped>,
    },
    /// The service refused the credentials, or what they permit. Part of the end of a run; earlier
    /// versions did not write it.
    Refused {
        /// The refusal.
        error: ErrorRecord,
    },
    /// Another process resumes the run.
    Resumed {
        /// The program, for people.
        program: String,
        /// `true` if it continues a run that was asked to stop: then that stop no longer binds.
        /// Otherwise it keeps to it.
        #[serde(default, skip_serializing_if = "is_false")]
        continues_stopped: bool,
        /// The process that resumed it. Journals of earlier versions do not have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invocation: Option<Invocation>,
    },
    /// The run ended with a complete report.
    Ended {},
}

impl Record {
    /// Returns `true` if a run that resumes without this record finds out again what it says, from the job.
    ///
    /// A [`Journal`](super::Journal) must keep each record through the death of its process when it
    /// returns. Such a record may be lost with the power of the machine as long as no other record
    /// follows it.
    pub fn can_be_found_again(&self) -> bool {
        match self {
            Self::Outcomes { servers } => servers.iter().all(|server| server.job_id.is_some()),
            Self::JobFinished { .. } => true,
            _ => false,
        }
    }
}

/// The settings of a run: everything that resuming it needs, except credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// The program that wrote it, for people.
    pub program: String,
    /// The endpoint.
    pub endpoint: String,
    /// The project.
    pub project: ProjectId,
    /// The action.
    pub action: PowerAction,
    /// The most servers in one request.
    pub batch_size: usize,
    /// The most servers in any 60 seconds, if that was set. The client of a run that resumes has
    /// the limit of its own [builder](crate::ClientBuilder::servers_per_minute), so a process that resumes
    /// passes this on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers_per_minute: Option<usize>,
    /// `true` to wait for the jobs.
    pub wait: bool,
    /// The longest time that the run may take, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// The time without progress after which a job is no longer polled, in milliseconds. `None`:
    /// polled until the deadline.
    pub stalled_after_ms: Option<u64>,
    /// The time a server has to come to rest after its job, in milliseconds. `None`: not verified.
    pub verify_ms: Option<u64>,
    /// `true` if lost answers are reconciled.
    pub reconcile: bool,
    /// The time without a trace after which they were not attempted, in milliseconds, if that was set.
    /// Runs that were written before it was there had the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile_after_ms: Option<u64>,
    /// `true` if servers with an unknown outcome are sent again.
    pub resubmit_unknown: bool,
    /// The waves; `None`: no rolling run.
    pub rolling: Option<RollingRecord>,
    /// Operator, account, project, region and endpoint, each with its origin. Since it is only
    /// added to what was there, it needs no new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ResolvedTarget>,
    /// Servers that were not ready for the action and are not sent. No new version either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unready: Vec<UnreadyServer>,
    /// The process that began it. Journals of earlier versions do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<Invocation>,
    /// `true` if the service was a simulated one that ended with the process.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simulated: bool,
    /// All servers, in the given order.
    pub servers: Vec<ServerId>,
    /// The names of servers, as far as the process that began the run knew them. Journals of earlier versions
    /// do not have them.
    #[serde(default, skip_serializing_if = "ServerNames::is_empty")]
    pub names: ServerNames,
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
            servers_per_minute: None,
            wait: true,
            deadline_ms: None,
            stalled_after_ms: None,
            verify_ms: None,
            reconcile: false,
            reconcile_after_ms: None,
            resubmit_unknown: false,
            rolling: None,
            target: None,
            unready: Vec::new(),
            invocation: None,
            simulated: false,
            servers,
            names: ServerNames::default(),
        }
    }
}

/// The program name in journals.
pub(crate) const PROGRAM: &str = concat!("ecs-ops ", env!("CARGO_PKG_VERSION"));

/// A server as it was before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSnapshot {
    /// The server.
    pub id: ServerId,
    /// Its status.
    pub status: Option<String>,
    /// Its task.
    pub task: Option<String>,
    /// The time of its last change, as the service wrote it.
    pub updated: Option<String>,
}

/// The reason why a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// Its servers were never acted on.
    First,
    /// Their outcome is unknown, and the caller allowed to send them again, once.
    Resubmit,
    /// Their soft restart failed; a hard one follows, once.
    Escalate,
}

#[cfg(test)]
mod tests;
