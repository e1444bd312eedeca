//! Whether a server whose soft restart went badly is restarted hard. Pure.
//!
//! This is the one way to a second restart, so it asks for evidence that the first one is over: a hard restart on top of
//! a soft one that still goes on would be two at once, and one after a soft one that comes late would be two.

use std::time::Duration;

/// What is known of the soft restart of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FirstRestart {
    /// The service refused it: it never began, and a hard one would be refused, too.
    Refused,
    /// Its part of the job failed.
    Failed,
    /// Its part of the job goes on.
    Underway,
    /// Its part of the job succeeded, and the server is back, or nobody looks.
    Back,
    /// Its part of the job succeeded, and the server was seen not to be back.
    NotBack,
    /// Its fate is unknown, or its job will not tell.
    Unknown,
}

/// Whether to restart a server hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// Never.
    No,
    /// Not as long as nothing else is known.
    NotYet,
    /// Now.
    Hard,
}

/// Decides. `elapsed` is the time since the soft restart was accepted, `after` the time that it has for coming back;
/// `already` says whether the server was restarted hard before.
///
/// | the soft restart | before `after` | from then on |
/// |---|---|---|
/// | failed | hard | hard |
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
        FirstRestart::Refused | FirstRestart::Back | FirstRestart::Unknown => Escalation::No,
        FirstRestart::Failed => Escalation::Hard,
        FirstRestart::NotBack if elapsed >= after => Escalation::Hard,
        FirstRestart::NotBack | FirstRestart::Underway => Escalation::NotYet,
    }
}
