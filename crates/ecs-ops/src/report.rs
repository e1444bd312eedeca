//! Reports: one outcome for each server.

use std::fmt;

use ecs_auth::ResolvedTarget;
use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::action::PowerAction;
use crate::fleet::SkippedServer;
use crate::rolling::StopReason;
use crate::ticket::JobTicket;

/// The outcome of one server. Exhaustive on purpose: callers must handle each case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The job reports success, or the job is unknown and the server itself shows the change.
    Succeeded {
        /// The job; `None` if the answer with it was lost.
        job_id: Option<JobId>,
        /// What shows the success.
        evidence: Evidence,
    },
    /// Refused without being executed (no job), or the job reports a failure.
    Failed {
        /// The job, if there is one.
        job_id: Option<JobId>,
        /// Why.
        error: Problem,
    },
    /// Accepted. The job had not ended, or the server was not at rest yet, when the run stopped
    /// polling.
    Running {
        /// The job to wait for.
        job_id: JobId,
    },
    /// Certainly not executed: safe to run again.
    NotAttempted {
        /// The reason.
        error: Problem,
    },
    /// May have been executed. Check the server before running again.
    Unknown {
        /// The job, if there is one.
        job_id: Option<JobId>,
        /// Why the outcome is unknown.
        error: Problem,
    },
}

impl Outcome {
    /// The name of the outcome in reports, such as `not_attempted`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Running { .. } => "running",
            Self::NotAttempted { .. } => "not_attempted",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The job, if there is one.
    pub fn job_id(&self) -> Option<&JobId> {
        match self {
            Self::Running { job_id } => Some(job_id),
            Self::Succeeded { job_id, .. }
            | Self::Failed { job_id, .. }
            | Self::Unknown { job_id, .. } => job_id.as_ref(),
            Self::NotAttempted { .. } => None,
        }
    }

    /// A remark if the evidence of a success is unusual.
    pub fn note(&self) -> Option<&'static str> {
        match self {
            Self::Succeeded { evidence, .. } => evidence.note(),
            _ => None,
        }
    }

    /// The problem; `None` for a server that succeeded or is running.
    pub fn error(&self) -> Option<&Problem> {
        match self {
            Self::Succeeded { .. } | Self::Running { .. } => None,
            Self::Failed { error, .. }
            | Self::NotAttempted { error }
            | Self::Unknown { error, .. } => Some(error),
        }
    }
}

/// The evidence that an action on a server succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// The job names this server, mostly in a sub-job.
    #[serde(rename = "part")]
    SubJob,
    /// The job succeeded as a whole and does not name this server.
    Job,
    /// The server itself shows the change; the answer with the job was lost.
    Server,
    /// The service refused to start or stop the server, or failed to, and the server is in the
    /// wanted state.
    WantedState,
}

impl Evidence {
    /// A remark for people if the evidence is unusual.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::SubJob => None,
            Self::Job => Some("the job succeeded as a whole and does not name this server"),
            Self::Server => Some("shown by the server itself; the answer with the job was lost"),
            Self::WantedState => Some(
                "the service refused the action or reports a failure, and the server is in the wanted state",
            ),
        }
    }
}

/// One server of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// The server.
    pub id: ServerId,
    /// The outcome.
    pub outcome: Outcome,
    /// Why its soft restart failed, if a hard one followed.
    pub escalated: Option<Problem>,
}

impl ServerReport {
    /// A report of a server without a hard restart.
    pub fn new(id: ServerId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            escalated: None,
        }
    }

    /// A remark for people if the outcome came about in an unusual way.
    pub fn note(&self) -> Option<String> {
        let escalated = self.escalated.as_ref();
        let escalated = escalated.map(|first| {
            let what = "restarted hard because the soft restart failed";
            format!("{what}: {first}")
        });
        escalated.or_else(|| self.outcome.note().map(str::to_owned))
    }
}

impl Serialize for ServerReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (job_id, error) = (self.outcome.job_id(), self.outcome.error());
        let note = self.note();
        let optional = [job_id.is_some(), error.is_some(), note.is_some()];
        let fields = 2 + optional.into_iter().filter(|there| *there).count();
        let mut server = serializer.serialize_struct("ServerReport", fields)?;
        server.serialize_field("id", &self.id)?;
        server.serialize_field("outcome", self.outcome.name())?;
        match job_id {
            Some(job_id) => server.serialize_field("job_id", job_id)?,
            None => server.skip_field("job_id")?,
        }
        match error {
            Some(error) => server.serialize_field("error", error)?,
            None => server.skip_field("error")?,
        }
        match note {
            Some(note) => server.serialize_field("note", &note)?,
            None => server.skip_field("note")?,
        }
        server.end()
    }
}

/// One job of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct JobReport {
    /// The job.
    pub job_id: JobId,
    /// The last known status; `None` if no poll succeeded.
    pub status: Option<JobStatus>,
    /// The number of its servers.
    pub servers: usize,
    /// The service's id of the exchange that created the job, for its support.
    pub request_id: Option<String>,
    /// For waiting for the job, in this process or another one.
    #[serde(skip)]
    pub ticket: JobTicket,
}

/// The number of servers by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// All servers of the run.
    pub requested: usize,
    /// [`Outcome::Succeeded`].
    pub succeeded: usize,
    /// [`Outcome::Failed`].
    pub failed: usize,
    /// [`Outcome::Running`].
    pub running: usize,
    /// [`Outcome::NotAttempted`].
    pub not_attempted: usize,
    /// [`Outcome::Unknown`].
    pub unknown: usize,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The deadline passed.
    Deadline,
    /// The run was stopped by its [`Control`](crate::Control).
    Requested,
    /// A job made no progress for longer than the limit.
    Stalled,
    /// A rule of the rolling run stopped it.
    Rolling(StopReason),
    /// The journal could not be written, so no further request was sent.
    JournalFailed(Problem),
    /// The service refused to show the jobs.
    Denied(Problem),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("the deadline passed"),
            Self::Requested => f.write_str("on request"),
            Self::Stalled => f.write_str("a job made no progress for too long"),
            Self::Rolling(reason) => fmt::Display::fmt(reason, f),
            Self::JournalFailed(problem) => fmt::Display::fmt(problem, f),
            Self::Denied(problem) => {
                write!(f, "the service refused to show the jobs: {problem}")
            }
        }
    }
}

/// The result of a run: one outcome for each server, in the order in which they were given.
///
/// Serializes to the stable, versioned form of `ecsctl -o json`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The run's random id.
    pub run_id: String,
    /// The action.
    pub action: PowerAction,
    /// The jobs, in the order of their acceptance.
    pub jobs: Vec<JobReport>,
    /// The servers.
    pub servers: Vec<ServerReport>,
    /// Why the run ended early; `None` if it ran to its end.
    pub stopped: Option<Stopped>,
    /// The refusal, if credentials or permissions were refused.
    pub refused: Option<Problem>,
    /// Operator, account, project, region and endpoint, if the run was given them.
    pub target: Option<ResolvedTarget>,
    /// The servers that the selection skipped: no part of the run.
    pub skipped: Vec<SkippedServer>,
}

impl Report {
    /// The version of the serialized form.
    pub const VERSION: u32 = 1;

    /// Counts the servers by outcome.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            requested: self.servers.len(),
            ..Summary::default()
        };
        for server in &self.servers {
            *match server.outcome {
                Outcome::Succeeded { .. } => &mut summary.succeeded,
                Outcome::Failed { .. } => &mut summary.failed,
                Outcome::Running { .. } => &mut summary.running,
                Outcome::NotAttempted { .. } => &mut summary.not_attempted,
                Outcome::Unknown { .. } => &mut summary.unknown,
            } += 1;
        }
        summary
    }

    /// The outcome of one server. Searches all of them.
    pub fn outcome(&self, id: ServerId) -> Option<&Outcome> {
        self.servers
            .iter()
            .find(|server| server.id == id)
            .map(|server| &server.outcome)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let optional = [self.target.is_some(), !self.skipped.is_empty()];
        let fields = 7 + optional.into_iter().filter(|there| *there).count();
        let mut report = serializer.serialize_struct("Report", fields)?;
        report.serialize_field("version", &Self::VERSION)?;
        report.serialize_field("run_id", &self.run_id)?;
        report.serialize_field("operation", self.action.name())?;
        report.serialize_field("type", &self.action.type_name())?;
        report.serialize_field("summary", &self.summary())?;
        report.serialize_field("jobs", &self.jobs)?;
        report.serialize_field("servers", &self.servers)?;
        match &self.target {
            Some(target) => report.serialize_field("target", target)?,
            None => report.skip_field("target")?,
        }
        match self.skipped.is_empty() {
            false => report.serialize_field("skipped", &self.skipped)?,
            true => report.skip_field("skipped")?,
        }
        report.end()
    }
}

#[cfg(test)]
mod tests;
