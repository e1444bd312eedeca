//! The faults of one exchange, and the exchanges to which an injected fault applies.

use bytes::Bytes;
use http::StatusCode;

use super::shape::Shape;

/// A fault of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection was refused: certainly not sent.
    Refused,
    /// The connection was never made: certainly not sent.
    ConnectHangs,
    /// The request left, and the connection was reset before the region received it.
    Reset,
    /// The request left and never arrived, without any error.
    Swallowed,
    /// A kept-alive connection was closed and gave the request back: the mark was set and is
    /// retracted.
    GivenBack,
    /// Throttled by the gateway: the region did not receive it.
    Throttled,
    /// The credentials were refused: the region did not receive it.
    Denied,
    /// A server error: the region did not receive it.
    ErrorBefore,
    /// Executed, and answered with a server error.
    ErrorAfter,
    /// Executed, and answered with a success without content.
    Garbage,
    /// Executed, and the connection closed without an answer.
    Closed,
    /// Executed, and the body of the answer was cut.
    BodyCut,
    /// Executed, and never answered.
    Silent,
    /// Executed, and the answer is not HTTP.
    NotHttp,
    /// Executed, and the answer exceeds every limit.
    TooLarge,
    /// Executed, and the answer is compressed without a request for it.
    Compressed,
    /// Executed, and the answer begins with a byte-order mark.
    Marked,
    /// Executed, and the job's id is a JSON number, by which it can be queried.
    Numbered,
    /// Answered with another response.
    Replaced {
        /// `true` if the region received the request.
        executed: bool,
        /// The status of the answer.
        status: StatusCode,
        /// Its body.
        body: Bytes,
    },
    /// The job was reported as unknown.
    UnknownJob,
    /// The job was reported as unfinished.
    UnfinishedJob,
    /// The query was answered with status 200, and with a code and a message instead of a job.
    ErrorAsSuccess,
    /// The job was shown in these unusual forms.
    Shaped(Vec<Shape>),
}

/// The exchanges to which an injected fault applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Requests that restart, start or stop servers.
    Action,
    /// Queries of jobs.
    Job,
}
