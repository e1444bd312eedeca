//! Outcomes as records.

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use serde::{Deserialize, Serialize};

use crate::report::{Evidence, Outcome, ServerReport};

/// A [`Problem`] as a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRecord {
    /// The service's error code.
    pub code: Option<String>,
    /// The message, for people.
    pub message: String,
}

impl From<&Problem> for ErrorRecord {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.code.clone(),
            message: problem.message.clone(),
        }
    }
}

impl From<&ErrorRecord> for Problem {
    fn from(record: &ErrorRecord) -> Self {
        Self::new(record.message.clone()).with_code(record.code.as_deref())
    }
}

/// The kind of an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// [`Outcome::Succeeded`].
    Succeeded,
    /// [`Outcome::Failed`].
    Failed,
    /// [`Outcome::NotAttempted`].
    NotAttempted,
    /// [`Outcome::Unknown`].
    Unknown,
}

impl OutcomeKind {
    /// The word for it in reports, as [`Outcome::name`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NotAttempted => "not_attempted",
            Self::Unknown => "unknown",
        }
    }
}

/// The outcome of one server. [`Outcome::Running`] has no record: it is an accepted request without
/// outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRecord {
    /// The server.
    pub id: ServerId,
    /// The kind of outcome.
    pub outcome: OutcomeKind,
    /// The job, if there is one.
    pub job_id: Option<JobId>,
    /// The evidence of a success.
    #[serde(rename = "shown_by")]
    pub evidence: Option<Evidence>,
    /// The reason why it did not succeed.
    pub error: Option<ErrorRecord>,
}

impl OutcomeRecord {
    /// The record of a reported outcome; `None` for [`Outcome::Running`].
    pub fn of(report: &ServerReport) -> Option<Self> {
        let outcome = match &report.outcome {
            Outcome::Succeeded { .. } => OutcomeKind::Succeeded,
            Outcome::Failed { .. } => OutcomeKind::Failed,
            Outcome::NotAttempted { .. } => OutcomeKind::NotAttempted,
            Outcome::Unknown { .. } => OutcomeKind::Unknown,
            Outcome::Running { .. } => return None,
        };
        Some(Self {
            id: report.id,
            outcome,
            job_id: report.outcome.job_id().cloned(),
            evidence: match &report.outcome {
                Outcome::Succeeded { evidence, .. } => Some(*evidence),
                _ => None,
            },
            error: report.outcome.error().map(ErrorRecord::from),
        })
    }

    /// The outcome.
    pub fn outcome(&self) -> Outcome {
        self.outcome_with(self.error.as_ref().map(Problem::from))
    }

    /// The outcome, with its error as a problem.
    pub(super) fn outcome_with(&self, error: Option<Problem>) -> Outcome {
        let (job_id, error) = (self.job_id.clone(), error.unwrap_or_default());
        match self.outcome {
            OutcomeKind::Succeeded => Outcome::Succeeded {
                evidence: self.evidence.unwrap_or(Evidence::Server),
                job_id,
            },
            OutcomeKind::Failed => Outcome::Failed { job_id, error },
            OutcomeKind::NotAttempted => Outcome::NotAttempted { error },
            OutcomeKind::Unknown => Outcome::Unknown { job_id, error },
        }
    }
}

#[cfg(test)]
mod tests;
