//! Decides whether a server is restarted hard after a failed soft restart. Pure.
//!
//! Escalation is the only way to a second restart, so it requires evidence that the first one is
//! over, or [hangs](super::escalate_hang): a hard restart during a soft one would be two at once.

use std::time::Duration;

/// The end of a server's soft restart. After any other one (refused, underway, successful or
/// unknown) no hard restart may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstRestart {
    /// Its sub-job failed.
    Failed,
    /// Its sub-job failed for lack of a permission, or because of throttling: a hard one would, too.
    Denied,
    /// Its sub-job succeeded, and the server is not back.
    NotBack,
}

/// The decision to restart a server hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escalation {
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
pub(crate) fn escalate(
    first: FirstRestart,
    elapsed: Duration,
    after: Duration,
    already: bool,
) -> Escalation {
    match first {
        _ if already => Escalation::No,
        FirstRestart::Denied => Escalation::No,
        FirstRestart::Failed => Escalation::Hard,
        FirstRestart::NotBack if elapsed >= after => Escalation::Hard,
        FirstRestart::NotBack => Escalation::NotYet,
    }
}
