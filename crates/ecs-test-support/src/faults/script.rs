//! The script of one connection, and one fault of that kind.

use ecs_sim::Fault;

use super::FaultOutcome;

/// A body that fits every request: an action gets its job, a query a job that has ended. The id can
/// also be written as a number. It has 64 bytes.
pub const ANSWER: &str = r#"{"job_id":"12",                              "status":"SUCCESS"}"#;

/// A step of a server with one connection. After the last step the server closes it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads one complete request.
    Read,
    /// Reads one byte.
    ReadByte,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes repeatedly until the client closes.
    SendForever(Vec<u8>),
    /// Sends these bytes one by one, ten per second, until the client closes.
    SendSlowly(Vec<u8>),
    /// Sends nothing more until the client closes.
    Hang,
    /// Ends the connection with a TCP reset.
    Reset,
}

/// A fault.
#[derive(Clone, Debug)]
pub struct WireFault {
    /// The behaviour of the server, for people.
    pub name: &'static str,
    /// The script of the server.
    pub play: Vec<Step>,
    /// The equivalent faults of the simulator, including those that only it can distinguish.
    pub simulated: Vec<Fault>,
    /// The expected result of an action that meets the fault. A query always survives.
    pub fault_outcome: FaultOutcome,
    /// A part of the expected reason.
    pub expected: &'static str,
    /// `true` if it ends only at the time limit of the attempt.
    pub takes_time: bool,
}

/// Returns a complete response.
pub fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(super) fn fault(
    name: &'static str,
    play: Vec<Step>,
    simulated: &[Fault],
    fault_outcome: FaultOutcome,
    expected: &'static str,
) -> WireFault {
    WireFault {
        name,
        play,
        simulated: simulated.to_vec(),
        fault_outcome,
        expected,
        takes_time: false,
    }
}

pub(super) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}
