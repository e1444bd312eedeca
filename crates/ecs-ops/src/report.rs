//! One outcome for each server.

use std::fmt;

use ecs_auth::ResolvedTarget;
use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::action::PowerAction;
use crate::fleet::LeftOut;
use crate::rolling::StopReason;
use crate::ticket::JobTicket;

/// What became of one server. Exhaustive on purpose: callers must decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its job says that it was done; or the answer with the job was lost, and the server itself shows it.
    Succeeded {
        /// The job, if it is known.
        job_id: Option<JobId>,
        /// What shows it.
        evidence: Evidence,
    },
    /// Refused before anything was done (no job), or its job says that it failed.
    Failed {
        /// The job, if there was one.
        job_id: Option<JobId>,
        /// Why.
        error: Problem,
    },
    /// Accepted; its job had not ended when we stopped looking, or the server had not settled that was to be seen at rest.
    Running {
        /// The job to look at.
        job_id: JobId,
    },
    /// Certain: never accepted. It is safe to run again.
    NotAttempted {
        /// Why not.
        error: Problem,
    },
    /// It may have been done, or not: look at the server before running again.
    Unknown {
        /// The job, if there was one.
        job_id: Option<JobId>,
        /// What is known.
        error: Problem,
    },
}

impl Outcome {
    /// The word for it in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Running { .. } => "running",
            Self::NotAttempted { .. } => "not_attempted",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The job, if there was one.
    pub fn job_id(&self) -> Option<&JobId> {
        match self {
            Self::Running { job_id } => Some(job_id),
            Self::Succeeded { job_id, .. }
            | Self::Failed { job_id, .. }
            | Self::Unknown { job_id, .. } => job_id.as_ref(),
            Self::NotAttempted { .. } => None,
        }
    }

    /// What is unusual about how it succeeded.
    pub fn note(&self) -> Option<&'static str> {
        match self {
            Self::Succeeded { evidence, .. } => evidence.note(),
            _ => None,
        }
    }

    /// Why it did not succeed.
    pub fn error(&self) -> Option<&Problem> {
        match self {
            Self::Succeeded { .. } | Self::Running { .. } => None,
            Self::Failed { error, .. }
            | Self::NotAttempted { error }
            | Self::Unknown { error, .. } => Some(error),
        }
    }
}

/// What shows that an action on a server succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// Its job, which names this server: mostly in a part of its own.
    #[serde(rename = "part")]
    SubJob,
    /// Its job as a whole, which does not say for which servers.
    Job,
    /// The server itself: the answer with the job was lost.
    Server,
}

impl Evidence {
    /// What is unusual about it, in words.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::SubJob => None,
            Self::Job => Some("its job succeeded as a whole and says nothing of it in particular"),
            Self::Server => Some("shown by the server itself: the answer with its job was lost"),
        }
    }
}

/// One server of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// The server.
    pub id: ServerId,
    /// What became of it.
    pub outcome: Outcome,
    /// How its soft restart ended, if it was restarted hard after that.
    pub escalated: Option<Problem>,
}

impl ServerReport {
    /// What became of a server, without a hard restart after a soft one.
    pub fn new(id: ServerId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            escalated: None,
        }
    }

    /// What is unusual about how it ended, in words.
    pub fn note(&self) -> Option<String> {
        let escalated = self.escalated.as_ref();
        let escalated = escalated.map(|first| {
            let what = "restarted hard, since the soft restart ended badly";
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
    /// Its status when it was last seen; nothing if it never was.
    pub status: Option<JobStatus>,
    /// How many servers were given to it.
    pub servers: usize,
    /// The id of the exchange that made it, for the service's support.
    pub request_id: Option<String>,
    /// To go on waiting for it, from this process or another one.
    #[serde(skip)]
    pub ticket: JobTicket,
}

/// How many servers had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// All that were asked for.
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

/// Why a run ended before all of its jobs did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Its deadline came.
    Deadline,
    /// Its [`Control`](crate::Control) was used.
    Requested,
    /// A job made no progress for as long as it may.
    Stalled,
    /// A rolling run stopped before its end.
    Rolling(StopReason),
    /// The journal could not be written: nothing more was sent.
    JournalFailed(Problem),
    /// The service no longer lets us look at the jobs.
    Denied(Problem),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("the deadline came"),
            Self::Requested => f.write_str("as asked"),
            Self::Stalled => f.write_str("a job made no progress for too long"),
            Self::Rolling(reason) => fmt::Display::fmt(reason, f),
            Self::JournalFailed(problem) => fmt::Display::fmt(problem, f),
            Self::Denied(problem) => {
                write!(
                    f,
                    "the service no longer lets us look at the jobs: {problem}"
                )
            }
        }
    }
}

/// What became of each server of a run: each exactly once, in the order in which they were given.
///
/// Serializes to the stable, versioned form of `ecsctl -o json`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// A random id of this run.
    pub run_id: String,
    /// What was asked for.
    pub action: PowerAction,
    /// The jobs, in the order of their acceptance.
    pub jobs: Vec<JobReport>,
    /// The servers.
    pub servers: Vec<ServerReport>,
    /// Why the run ended early, if it did.
    pub stopped: Option<Stopped>,
    /// The refusal, if a request was refused because of the credentials or what they permit.
    pub refused: Option<Problem>,
    /// Operator, account, project, region and endpoint, if the run was given them.
    pub target: Option<ResolvedTarget>,
    /// The servers that the selection left out: no part of the run.
    pub left_out: Vec<LeftOut>,
}

impl Report {
    /// The version of the serialized form.
    pub const VERSION: u32 = 1;

    /// The counts.
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

    /// The outcome of one server; looks through all of them.
    pub fn outcome(&self, id: ServerId) -> Option<&Outcome> {
        self.servers
            .iter()
            .find(|server| server.id == id)
            .map(|server| &server.outcome)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let optional = [self.target.is_some(), !self.left_out.is_empty()];
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
        match self.left_out.is_empty() {
            false => report.serialize_field("left_out", &self.left_out)?,
            true => report.skip_field("left_out")?,
        }
        report.end()
    }
}

#[cfg(test)]
mod tests;
