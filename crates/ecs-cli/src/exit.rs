//! Exit codes, as pure functions of a report.

use ecs_ops::{ErrorKind, Outcome, Report, jobs::JobEnd};

/// An exit code. The order is that of the numbers; the highest that applies wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything succeeded.
    Success = 0,
    /// At least one server failed or was not attempted.
    Failed = 1,
    /// Bad usage or input: nothing was sent.
    Usage = 2,
    /// The outcome of at least one server is unknown.
    Unknown = 3,
    /// Authentication or authorization failed, and no server can have been touched.
    Credentials = 4,
    /// The run stopped before its end.
    Stopped = 5,
    /// The run was stopped by Ctrl-C on a terminal. The process ends by that signal, so that a shell leaves its loop.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The facts of a report that determine the exit code: whether it has at least one of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutcomeFlags {
    pub(crate) succeeded: bool,
    /// A server failed, as its job reports.
    pub(crate) failed: bool,
    /// A server was refused before there was a job.
    pub(crate) rejected: bool,
    pub(crate) running: bool,
    pub(crate) not_attempted: bool,
    pub(crate) unknown: bool,
    /// A request was refused because of the credentials.
    pub(crate) refused: bool,
    /// The run ended early.
    pub(crate) stopped: bool,
    /// The run did not wait for its jobs (`--no-wait`).
    pub(crate) no_wait: bool,
}

impl OutcomeFlags {
    /// Reads the flags of a report.
    pub(crate) fn of(report: &Report, no_wait: bool) -> Self {
        let mut facts = Self {
            refused: report.refused.is_some(),
            stopped: report.stopped.is_some(),
            no_wait,
            ..Self::default()
        };
        for server in &report.servers {
            *match &server.outcome {
                Outcome::Succeeded { .. } => &mut facts.succeeded,
                Outcome::Failed {
                    job_id: Some(_), ..
                } => &mut facts.failed,
                Outcome::Failed { job_id: None, .. } => &mut facts.rejected,
                Outcome::Running { .. } => &mut facts.running,
                Outcome::NotAttempted { .. } => &mut facts.not_attempted,
                Outcome::Unknown { .. } => &mut facts.unknown,
            } = true;
        }
        facts
    }

    /// Returns the exit code.
    pub(crate) fn exit(self) -> Exit {
        let touched = self.succeeded || self.failed || self.running || self.unknown;
        // A run that waits leaves servers running only if it was stopped.
        let cut_short = self.stopped || (self.running && !self.no_wait);
        let applies = [
            (
                Exit::Failed,
                self.failed || self.rejected || self.not_attempted,
            ),
            (Exit::Unknown, self.unknown),
            (Exit::Credentials, self.refused && !touched),
            (Exit::Stopped, cut_short),
        ];
        let highest = applies.into_iter().filter(|(_, applies)| *applies);
        highest.map(|(exit, _)| exit).max().unwrap_or(Exit::Success)
    }
}

/// Returns the exit code of an error before any server was touched.
pub(crate) fn of_error(kind: ErrorKind) -> Exit {
    match kind {
        // A wrong address, journal or setting on the way: no action was sent.
        ErrorKind::Invalid | ErrorKind::NotTheService | ErrorKind::NotRecorded => Exit::Usage,
        ErrorKind::Credentials => Exit::Credentials,
        ErrorKind::Deadline => Exit::Stopped,
        // Refused, unreachable, and future kinds.
        _ => Exit::Failed,
    }
}

/// Returns the exit code of waiting for one job.
pub(crate) fn of_job_end(end: &JobEnd) -> Exit {
    match (end.succeeded(), end) {
        (Some(true), _) => Exit::Success,
        (Some(false), _) => Exit::Failed,
        // The job contradicts itself.
        (None, JobEnd::Ended(_)) => Exit::Unknown,
        (None, JobEnd::Lost(_)) => Exit::Unknown,
        (None, JobEnd::Denied(_)) => Exit::Credentials,
        // The deadline, and future kinds of ends.
        _ => Exit::Stopped,
    }
}

#[cfg(test)]
mod tests;
