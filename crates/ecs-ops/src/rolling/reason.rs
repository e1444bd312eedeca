//! The reasons why a rolling run stops.

use std::fmt;

/// The reason why a rolling run stops.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// More servers failed than the failure budget allows.
    Failures {
        /// The number of servers that failed or are unknown.
        failed: usize,
        /// The failure budget.
        allowed: usize,
    },
    /// No server of the canary succeeded, whatever the failure budget.
    Canary,
    /// The brake: a server of a canary without a question failed.
    CanaryFailures {
        /// The number of its servers that failed or are unknown.
        failed: usize,
    },
    /// The brake: no server of a wave succeeded.
    WaveWithoutSuccess {
        /// The wave, counted from 1.
        wave: usize,
    },
    /// The health check failed.
    Unhealthy {
        /// After which wave, counted from 1.
        wave: usize,
        /// The message of the check.
        message: String,
    },
    /// The question after the canary was answered with no.
    Declined,
    /// Servers of the next wave are no longer ready.
    NotReady {
        /// The wave, counted from 1.
        wave: usize,
        /// The number of its servers that are not ready.
        servers: usize,
        /// The reason why they are not.
        message: String,
    },
    /// The servers of the next wave could not be read.
    NotRead {
        /// The wave, counted from 1.
        wave: usize,
        /// The reason why not.
        message: String,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { failed, allowed } => {
                let servers = if *failed == 1 { "server" } else { "servers" };
                write!(f, "{failed} {servers} failed (limit: {allowed})")
            }
            Self::Canary => f.write_str("no server of the canary succeeded"),
            Self::CanaryFailures { failed: 1 } => f.write_str("1 server of the canary failed"),
            Self::CanaryFailures { failed } => write!(f, "{failed} servers of the canary failed"),
            Self::WaveWithoutSuccess { wave } => write!(f, "no server of wave {wave} succeeded"),
            Self::Unhealthy { wave, message } => {
                write!(f, "the health check after wave {wave} failed")?;
                match message.as_str() {
                    "" => Ok(()),
                    message => write!(f, ": {message}"),
                }
            }
            Self::Declined => f.write_str("declined after the canary"),
            Self::NotReady {
                wave,
                servers,
                message,
            } => {
                match servers {
                    1 => write!(f, "1 server of wave {wave} is no longer ready")?,
                    _ => write!(f, "{servers} servers of wave {wave} are no longer ready")?,
                }
                write!(f, ": {message}")
            }
            Self::NotRead { wave, message } => {
                write!(f, "the servers of wave {wave} could not be read: {message}")
            }
        }
    }
}
