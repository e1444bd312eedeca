//! What became of a server, as it is written down.

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use serde::{Deserialize, Serialize};

use crate::report::{Outcome, ServerReport, ShownBy};

/// What went wrong, in words, and the service's code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The service's error code.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
}

impl From<&Problem> for Note {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.code.clone(),
            message: problem.message.clone(),
        }
    }
}

impl From<&Note> for Problem {
    fn from(note: &Note) -> Self {
        Self::new(note.message.clone()).with_code(note.code.as_deref())
    }
}

/// The word for what became of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// [`Outcome::Succeeded`].
    Succeeded,
    /// [`Outcome::Failed`].
    Failed,
    /// [`Outcome::NotAttempted`].
    NotAttempted,
    /// [`Outcome::Unknown`].
    Unknown,
}

/// What became of one server. [`Outcome::Running`] is none: that is an accepted batch without verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerVerdict {
    /// The server.
    pub id: ServerId,
    /// The word for it.
    pub outcome: Verdict,
    /// Its job, if there was one.
    pub job_id: Option<JobId>,
    /// What shows that it succeeded.
    pub shown_by: Option<Shown>,
    /// Why it did not.
    pub error: Option<Note>,
}

/// [`ShownBy`](crate::ShownBy) as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shown {
    /// [`ShownBy::Part`].
    Part,
    /// [`ShownBy::Job`].
    Job,
    /// [`ShownBy::Server`].
    Server,
}

impl ServerVerdict {
    /// What a report says, if it is a verdict.
    pub fn of(report: &ServerReport) -> Option<Self> {
        let outcome = match &report.outcome {
            Outcome::Succeeded { .. } => Verdict::Succeeded,
            Outcome::Failed { .. } => Verdict::Failed,
            Outcome::NotAttempted { .. } => Verdict::NotAttempted,
            Outcome::Unknown { .. } => Verdict::Unknown,
            Outcome::Running { .. } => return None,
        };
        Some(Self {
            id: report.id,
            outcome,
            job_id: report.outcome.job_id().cloned(),
            shown_by: match &report.outcome {
                Outcome::Succeeded { shown_by, .. } => Some(match shown_by {
                    ShownBy::Part => Shown::Part,
                    ShownBy::Job => Shown::Job,
                    ShownBy::Server => Shown::Server,
                }),
                _ => None,
            },
            error: report.outcome.error().map(Note::from),
        })
    }

    /// The verdict as a report has it.
    pub fn outcome(&self) -> Outcome {
        let job_id = self.job_id.clone();
        let error = self.error.as_ref().map(Problem::from).unwrap_or_default();
        match self.outcome {
            Verdict::Succeeded => Outcome::Succeeded {
                shown_by: match self.shown_by {
                    Some(Shown::Part) => ShownBy::Part,
                    Some(Shown::Job) => ShownBy::Job,
                    Some(Shown::Server) | None => ShownBy::Server,
                },
                job_id,
            },
            Verdict::Failed => Outcome::Failed { job_id, error },
            Verdict::NotAttempted => Outcome::NotAttempted { error },
            Verdict::Unknown => Outcome::Unknown { job_id, error },
        }
    }

    /// Whether nothing that is learned later changes it.
    pub(super) fn is_final(&self) -> bool {
        match self.outcome {
            Verdict::Succeeded | Verdict::Failed => true,
            // Of a lost answer: `reconcile` may still find out. Of a job: it will not tell.
            Verdict::Unknown => self.job_id.is_some(),
            Verdict::NotAttempted => false,
        }
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
