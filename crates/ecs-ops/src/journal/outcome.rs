//! What became of a server, as it is written down.

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use serde::{Deserialize, Serialize};

use crate::report::{Evidence, Outcome, ServerReport};

/// What went wrong, in words, and the service's code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRecord {
    /// The service's error code.
    pub code: Option<String>,
    /// What happened.
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

/// The word for what became of a server.
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

/// What became of one server. [`Outcome::Running`] is none: that is an accepted request without verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRecord {
    /// The server.
    pub id: ServerId,
    /// The word for it.
    pub outcome: OutcomeKind,
    /// Its job, if there was one.
    pub job_id: Option<JobId>,
    /// What shows that it succeeded.
    #[serde(rename = "shown_by")]
    pub evidence: Option<Evidence>,
    /// Why it did not.
    pub error: Option<ErrorRecord>,
}

impl OutcomeRecord {
    /// What a report says, if it is a verdict.
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

    /// The verdict as a report has it.
    pub fn outcome(&self) -> Outcome {
        let job_id = self.job_id.clone();
        let error = self.error.as_ref().map(Problem::from).unwrap_or_default();
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

    /// Whether nothing that is learned later changes it.
    pub(super) fn is_final(&self) -> bool {
        match self.outcome {
            OutcomeKind::Succeeded | OutcomeKind::Failed => true,
            // Of a lost answer: `reconcile` may still find out. Of a job: it will not tell.
            OutcomeKind::Unknown => self.job_id.is_some(),
            OutcomeKind::NotAttempted => false,
        }
    }
}

#[cfg(test)]
mod tests;
