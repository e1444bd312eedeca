//! Expected results.

/// The expected result of a run that meets a fault once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The run succeeds as without the fault.
    Succeeds,
    /// Certainly not executed, sent again, then as without the fault.
    Retried,
    /// It may have been executed: one request and never a second.
    Unknown,
    /// Certainly not executed because of the request.
    Failed,
    /// Certainly not executed because of the credentials.
    Denied,
    /// Never sent, after several attempts.
    OutOfReach,
    /// Only for queries: the jobs continue, and polling them is refused.
    Blind,
}

impl FaultOutcome {
    /// Returns the expected outcome of each server.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Succeeds | Self::Retried => "succeeded",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Denied | Self::OutOfReach => "not_attempted",
            Self::Blind => "running",
        }
    }

    /// Returns the expected exit code of `ecsctl`.
    pub fn exit(self) -> i32 {
        match self {
            Self::Succeeds | Self::Retried => 0,
            Self::Failed | Self::OutOfReach => 1,
            Self::Unknown => 3,
            Self::Denied => 4,
            Self::Blind => 5,
        }
    }

    /// Returns the number of action requests that the server may read.
    pub fn actions(self) -> usize {
        match self {
            Self::Retried => 2,
            Self::OutOfReach => 0,
            _ => 1,
        }
    }
}
