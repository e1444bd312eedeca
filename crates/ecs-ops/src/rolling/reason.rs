//! Why a rolling restart stops.

use std::fmt;

/// Why it stops.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// More servers failed than may.
    Failures {
        /// How many did not succeed, by then.
        failed: usize,
        /// How many may.
        allowed: usize,
    },
    /// No server of the canary succeeded, however many may fail.
    Canary,
    /// The health check failed.
    Unhealthy {
        /// After which wave, counted from 0.
        wave: usize,
        /// What it said.
        message: String,
    },
    /// Somebody said no after the canary.
    Declined,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { failed, allowed } => {
                let servers = if *failed == 1 { "server" } else { "servers" };
                write!(
                    f,
                    "{failed} {servers} did not succeed, and {allowed} may fail"
                )
            }
            Self::Canary => f.write_str("no server of the canary succeeded"),
            Self::Unhealthy { wave, message } => {
                write!(f, "the health check after wave {} failed", wave + 1)?;
                match message.as_str() {
                    "" => Ok(()),
                    message => write!(f, ": {message}"),
                }
            }
            Self::Declined => f.write_str("the answer after the canary was no"),
        }
    }
}
