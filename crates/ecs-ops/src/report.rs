//! Reports: one outcome for each server.

mod json;
mod stopped;
mod unready;

use ecs_auth::ResolvedTarget;
use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use jiff::Timestamp;

use crate::action::PowerAction;
use crate::fleet::{SkippedServer, UnreadyServer};
use crate::ticket::JobTicket;

pub use stopped::Stopped;

/// The outcome of one server. Exhaustive on purpose: callers must handle each case.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The job reports success, or the job is unknown and the server itself shows the change.
    Succeeded {
        /// The job; `None` if the answer with it was lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job_id: Option<JobId>,
        /// The evidence of the success.
        #[serde(default, skip_serializing_if = "Evidence::is_usual")]
        evidence: Evidence,
    },
    /// Refused without being executed (no job), or the job reports a failure.
    Failed {
        /// The job, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job_id: Option<JobId>,
        /// The reason.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job_id: Option<JobId>,
        /// The reason why the outcome is unknown.
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// The job names this server, mostly in a sub-job.
    #[default]
    #[serde(rename = "part")]
    SubJob,
    /// The job succeeded as a whole and does not name this server.
    Job,
    /// The server itself shows the change; the answer with the job was lost.
    Server,
    /// The service's record of the action on this server, by the user of the run, and the server at
    /// rest after it; the answer with the job was lost.
    Record,
    /// The service refused to start or stop the server, failed to or gave no answer, and the server
    /// is in the wanted state.
    WantedState,
}

impl Evidence {
    /// Returns `true` if there is nothing to say about it.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference
    fn is_usual(&self) -> bool {
        *self == Self::SubJob
    }

    /// A remark for people if the evidence is unusual.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::SubJob => None,
            Self::Job => Some("the job succeeded as a whole and does not name this server"),
            Self::Server => Some("shown by the server itself; the answer with the job was lost"),
            Self::Record => Some(
                "shown by the service's record of the action; the answer with the job was lost",
            ),
            Self::WantedState => Some(
                "the service refused the action, reports a failure or did not answer, and the server is in the wanted state",
            ),
        }
    }
}

/// A server of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// The server.
    pub id: ServerId,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason why its soft restart failed, if a hard one followed.
    pub escalated: Option<Problem>,
    /// The name of the server, if the run [knew it](crate::RunBuilder::names).
    pub name: Option<String>,
    /// The time at which the outcome became known by the local clock, if the maker of the report noted it.
    pub at: Option<Timestamp>,
}

impl ServerReport {
    /// A report of a server without a hard restart.
    pub fn new(id: ServerId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            escalated: None,
            name: None,
            at: None,
        }
    }

    /// A remark for people if the outcome came about in an unusual way.
    pub fn note(&self) -> Option<String> {
        let escalated = self.escalated.as_ref();
        let escalated = escalated.map(|first| {
            let note = "restarted hard because the soft restart failed";
            format!("{note}: {first}")
        });
        escalated.or_else(|| self.outcome.note().map(str::to_owned))
    }
}

/// A job of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "json::JobReportWire")]
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
    pub ticket: JobTicket,
}

/// The number of servers by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// The result of a run: one outcome for each server, in the order in which they were given.
///
/// Serializes to the stable, versioned form of `ecsctl -o json`, and is read back from it: with its
/// tickets, why it stopped and what was refused. Of a [`Problem`], code and message are kept.
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
    /// The reason why the run ended early; `None` if it ran to its end.
    pub stopped: Option<Stopped>,
    /// The refusal, if credentials or permissions were refused.
    pub refused: Option<Problem>,
    /// Operator, account, project, region and endpoint, if the run was given them.
    pub target: Option<ResolvedTarget>,
    /// The servers that the selection skipped: no part of the run.
    pub skipped: Vec<SkippedServer>,
    /// The servers that were not attempted because they were not ready for the action, each with the
    /// reason: before the run, or before their wave. They are among [`servers`](Self::servers), too.
    pub unready: Vec<UnreadyServer>,
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

    /// Returns `true` if every server succeeded.
    pub fn is_success(&self) -> bool {
        self.succeeded().count() == self.servers.len()
    }

    /// The servers that succeeded, in the order of the report, like those of the next four.
    ///
    /// ```
    /// # fn example(report: ecs_ops::Report) {
    /// for server in report.unknown() {
    ///     println!("{} may have been restarted: {:?}", server.id, server.outcome.error());
    /// }
    /// let again: Vec<_> = report.not_attempted().map(|server| server.id).collect();
    /// # drop(again); }
    /// ```
    pub fn succeeded(&self) -> impl Iterator<Item = &ServerReport> {
        self.with(|outcome| matches!(outcome, Outcome::Succeeded { .. }))
    }

    /// The servers that failed.
    pub fn failed(&self) -> impl Iterator<Item = &ServerReport> {
        self.with(|outcome| matches!(outcome, Outcome::Failed { .. }))
    }

    /// The servers whose job had not ended.
    pub fn running(&self) -> impl Iterator<Item = &ServerReport> {
        self.with(|outcome| matches!(outcome, Outcome::Running { .. }))
    }

    /// The servers that were certainly not acted on: safe to run again.
    pub fn not_attempted(&self) -> impl Iterator<Item = &ServerReport> {
        self.with(|outcome| matches!(outcome, Outcome::NotAttempted { .. }))
    }

    /// The servers that may have been acted on: check them before running again.
    pub fn unknown(&self) -> impl Iterator<Item = &ServerReport> {
        self.with(|outcome| matches!(outcome, Outcome::Unknown { .. }))
    }

    fn with(&self, fits: fn(&Outcome) -> bool) -> impl Iterator<Item = &ServerReport> {
        let servers = self.servers.iter();
        servers.filter(move |server| fits(&server.outcome))
    }

    /// Returns the tickets of its jobs, for a process that waits for those that are still running.
    pub fn tickets(&self) -> impl Iterator<Item = &JobTicket> {
        self.jobs.iter().map(|job| &job.ticket)
    }

    /// The outcome of one server. Searches all of them.
    pub fn outcome(&self, id: ServerId) -> Option<&Outcome> {
        self.servers
            .iter()
            .find(|server| server.id == id)
            .map(|server| &server.outcome)
    }
}

#[cfg(test)]
mod tests;
