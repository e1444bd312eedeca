//! What can go wrong with one exchange, and which exchanges a fault of choice is for.

use bytes::Bytes;
use http::StatusCode;

use super::shape::Shape;

/// What went wrong with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection was refused: certainly not sent.
    Refused,
    /// The connection was never made: certainly not sent.
    ConnectHangs,
    /// It left, and the connection was reset before the region saw it.
    Reset,
    /// It left and never arrived, and nobody says so.
    Swallowed,
    /// A kept connection was found closed and gave the request back: the mark was set, and is retracted.
    GivenBack,
    /// Told to be slower, by the gateway: the region did not see it.
    Throttled,
    /// Told that the credentials are not good enough: the region did not see it.
    Denied,
    /// A server error, and the region did not see it.
    ErrorBefore,
    /// Executed, and answered with a server error.
    ErrorAfter,
    /// Executed, and answered with a success that says nothing.
    Garbage,
    /// Executed, and the connection closed without an answer.
    Closed,
    /// Executed, and the body of the answer was cut.
    BodyCut,
    /// Executed, and never answered.
    Silent,
    /// Executed, and what came back is not HTTP.
    NotHttp,
    /// Executed, and the answer is larger than anybody reads.
    TooLarge,
    /// Executed, and the answer is compressed though nobody asked for it.
    Compressed,
    /// Executed, and the answer begins with a byte-order mark.
    Marked,
    /// Executed, and the job's id is a JSON number, by which it can be asked for.
    Numbered,
    /// Answered with something else.
    Replaced {
        /// Whether the region saw the request.
        executed: bool,
        /// The status of the answer.
        status: StatusCode,
        /// Its body.
        body: Bytes,
    },
    /// The job was said to be unknown.
    UnknownJob,
    /// The job was said to be unfinished.
    UnfinishedJob,
    /// The query was answered with status 200, and with a code and a message instead of a job.
    ErrorAsSuccess,
    /// The job was shown in these unusual forms.
    Shaped(Vec<Shape>),
}

/// Which exchanges a fault of choice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Those that restart, start or stop servers.
    Action,
    /// Those that ask how far a job is.
    Job,
}
