//! What must be said.

/// What must come of a run that meets a fault once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As if nothing had happened.
    Succeeds,
    /// Certainly not executed, sent again, and then as if nothing had happened.
    Retried,
    /// It may have been executed: one request and never a second.
    Unknown,
    /// Certainly not executed, and it is the request's fault.
    Failed,
    /// Certainly not executed, because of who asks.
    Denied,
    /// Never sent, after a few attempts.
    OutOfReach,
    /// Only for queries: the jobs go on, and nobody may look at them.
    Blind,
}

impl Verdict {
    /// Returns the outcome of each server.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Succeeds | Self::Retried => "succeeded",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Denied | Self::OutOfReach => "not_attempted",
            Self::Blind => "running",
        }
    }

    /// What `ecsctl` ends with.
    pub fn exit(self) -> i32 {
        match self {
            Self::Succeeds | Self::Retried => 0,
            Self::Failed | Self::OutOfReach => 1,
            Self::Unknown => 3,
            Self::Denied => 4,
            Self::Blind => 5,
        }
    }

    /// Returns how many requests the server may read that act on servers.
    pub fn actions(self) -> usize {
        match self {
            Self::Retried => 2,
            Self::OutOfReach => 0,
            _ => 1,
        }
    }
}
