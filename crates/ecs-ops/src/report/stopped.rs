//! The reason why a run ended early.

use std::fmt;

use ecs_client::Problem;

use crate::rolling::StopReason;

/// The reason why a run ended early.
///
/// ```
/// use ecs_ops::Stopped;
///
/// let stopped = Stopped::Requested { reason: Some("cancelled by alice".to_owned()) };
/// let json = serde_json::to_string(&stopped)?;
/// assert_eq!(json, r#"{"kind":"requested","reason":"cancelled by alice"}"#);
/// assert_eq!(serde_json::from_str::<Stopped>(&json)?, stopped);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stopped {
    /// The deadline passed.
    Deadline,
    /// Its [`Control`](crate::Control) was asked to stop it.
    Requested {
        /// The reason, as the caller gave it.
        reason: Option<String>,
    },
    /// It was released, for another process to resume it.
    Suspended,
    /// A job made no progress for longer than the limit.
    Stalled,
    /// A rule of the rolling run stopped it.
    Rolling(StopReason),
    /// The journal could not be written, so no further request was sent.
    JournalFailed(Problem),
    /// The service refused to show the jobs.
    Denied(Problem),
    /// The answers to several requests in a row were lost, and the service did not recover in time.
    /// A cause of [`Event::Stopping`](crate::Event::Stopping); the report of such a run ends as that
    /// of one whose requests were answered.
    Outage(Problem),
    /// The service refused too many requests in a row that further ones were not sent. A cause of
    /// [`Event::Stopping`](crate::Event::Stopping), as [`Outage`](Self::Outage) is.
    Refused(Problem),
}

const DEADLINE_CAME: &str = "the deadline passed";

const AS_ASKED: &str = "on request";

impl Stopped {
    /// Returns the reason that this text of a journal describes. Journals of earlier versions have no typed reason.
    pub(crate) fn of_reason(text: &str) -> Option<Self> {
        match text {
            DEADLINE_CAME => Some(Self::Deadline),
            AS_ASKED => Some(Self::Requested { reason: None }),
            _ => None,
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str(DEADLINE_CAME),
            Self::Requested { reason } => f.write_str(reason.as_deref().unwrap_or(AS_ASKED)),
            Self::Suspended => f.write_str("suspended: another process can resume it"),
            Self::Stalled => f.write_str("a job made no progress for too long"),
            Self::Rolling(reason) => fmt::Display::fmt(reason, f),
            Self::JournalFailed(problem) => fmt::Display::fmt(problem, f),
            Self::Denied(problem) => {
                write!(f, "the service refused to show the jobs: {problem}")
            }
            Self::Outage(problem) | Self::Refused(problem) => fmt::Display::fmt(problem, f),
        }
    }
}
