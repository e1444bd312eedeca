//! Decides whether a server is restarted hard after a failed soft restart. Pure.
//!
//! Escalation is the only way to a second restart, so it requires evidence that the first one is
//! over: a hard restart during a soft one would be two at once.

use std::time::Duration;

/// The state of the soft restart of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FirstRestart {
    /// The service refused it; it would refuse a hard one, too.
    Refused,
    /// Its sub-job failed.
    Failed,
    /// Its sub-job failed for lack of a permission, or because of throttling: a hard one would, too.
    Denied,
    /// Its sub-job is running.
    Underway,
    /// Its sub-job succeeded, and the server is back or is not verified.
    Back,
    /// Its sub-job succeeded, and the server is not back.
    NotBack,
    /// Its outcome is unknown.
    Unknown,
}

/// Whether to restart a server hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// Never.
    No,
    /// Not yet: decide again when more is known.
    NotYet,
    /// Now.
    Hard,
}

/// Decides whether to restart a server hard. `elapsed` is the time since the soft restart was
/// accepted, `after` the time it has to come back; `already` says whether the server was already
/// restarted hard.
///
/// | the soft restart | before `after` | from then on |
/// |---|---|---|
/// | failed | hard | hard |
/// | failed for lack of a permission, or by throttling | no | no |
/// | ended, and the server is not back | not yet | hard |
/// | goes on | not yet | not yet: nothing proves that it has ended |
/// | succeeded, was refused, or nobody knows | no | no |
pub fn escalate(
    first: FirstRestart,
    elapsed: Duration,
    after: Duration,
    already: bool,
) -> Escalation {
    match first {
        _ if already => Escalation::No,
        FirstRestart::Refused
        | FirstRestart::Denied
        | FirstRestart::Back
        | FirstRestart::Unknown => Escalation::No,
        FirstRestart::Failed => Escalation::Hard,
        FirstRestart::NotBack if elapsed >= after => Escalation::Hard,
        FirstRestart::NotBack | FirstRestart::Underway => Escalation::NotYet,
    }
}
