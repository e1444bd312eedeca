//! The progress of requests and servers, by their records.

use std::num::NonZeroUsize;

use ecs_model::ServerId;
use jiff::Timestamp;

use super::outcome::ErrorRecord;
use super::record::Purpose;
use crate::JobTicket;
use crate::report::Outcome;

/// The history of one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestHistory {
    pub(crate) servers: Vec<ServerId>,
    pub(super) attempt: u32,
    pub(crate) purpose: Purpose,
    pub(super) state: RequestProgress,
    /// The time at which it was announced.
    pub(super) intended: Option<Timestamp>,
    pub(super) sent: Option<(Timestamp, Option<Timestamp>)>,
    pub(super) error: Option<ErrorRecord>,
    /// `true` if its answer was lost: as recorded, or with the process that sent it.
    pub(super) is_lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestProgress {
    /// Perhaps sent: see the two rules of the [module](super).
    Intended,
    Sending,
    /// Certainly not executed.
    NotExecuted,
    AnswerLost,
    /// The index of its job.
    Accepted(usize),
}

impl RequestProgress {
    /// Returns `true` if it is unknown if the request was executed.
    pub(super) fn is_unknown(self) -> bool {
        match self {
            Self::Intended | Self::Sending | Self::AnswerLost => true,
            Self::NotExecuted | Self::Accepted(_) => false,
        }
    }
}

/// The requests of one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerHistory {
    /// Its last request, unless it was certainly not executed since.
    pub(super) request: Option<NonZeroUsize>,
    /// The request with a lost answer that it was in before it was sent again.
    pub(super) unknown_request: Option<NonZeroUsize>,
    pub(super) resubmitted: bool,
}

/// The progress of one server. Exhaustive on purpose: callers must handle each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerProgress<'a> {
    /// Certainly not executed: it may be sent.
    Unsent,
    /// May have been executed: it must not be sent.
    Unknown {
        /// The request that may have been executed.
        request: usize,
    },
    /// Accepted, without an outcome yet.
    Accepted {
        /// The request.
        request: usize,
    },
    /// Final: nothing is left to do.
    Finished(&'a Outcome),
}

/// A request whose job must be waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedRequest {
    /// The request.
    pub request: usize,
    /// The job. The service deletes jobs about a day after their end, so it may be gone.
    pub ticket: JobTicket,
    /// Its servers without an outcome.
    pub servers: Vec<ServerId>,
}

/// A request whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownRequest {
    /// The request.
    pub request: usize,
    /// The time at which it was last sent: by the local clock, and the latest time of the service's
    /// clock. `None`: probably not sent.
    pub sent: Option<(Timestamp, Option<Timestamp>)>,
    /// The problem, if the run recorded it.
    pub error: Option<ErrorRecord>,
    /// Its servers with an unknown outcome.
    pub servers: Vec<ServerId>,
    /// `true` if another of its servers shows that the request was executed; then none is certainly
    /// unchanged.
    pub shows_change: bool,
    /// `true` if others of its servers have an outcome already: then it is not recognized by the
    /// whole set of its servers.
    pub is_partial: bool,
}
