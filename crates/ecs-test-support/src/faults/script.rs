//! What a server does with one connection, and one fault of that kind.

use ecs_sim::Fault;

use super::Verdict;

/// A body that is good for everything that is asked for: an action gets its job, a query a job that has ended.
pub const ANSWER: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a","status":"SUCCESS"}"#;

/// What a server does with one connection. After the last step it closes.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads one whole request.
    Read,
    /// Reads one byte.
    ReadByte,
    /// Sends this.
    Send(Vec<u8>),
    /// Sends this again and again, until the client has had enough.
    SendForever(Vec<u8>),
    /// Sends this byte by byte, ten in a second, until the client has had enough.
    SendSlowly(Vec<u8>),
    /// Says nothing more until the client closes.
    Hang,
    /// Ends the connection with a TCP reset.
    Reset,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct WireFault {
    /// What the server does, in words.
    pub name: &'static str,
    /// What the server does.
    pub play: Vec<Step>,
    /// The same in the simulator, with what can be told apart only there.
    pub simulated: Vec<Fault>,
    /// What must come of an action that meets it. A query always survives.
    pub verdict: Verdict,
    /// Words of the reason.
    pub expected: &'static str,
    /// It ends only when the client's time for the attempt is over.
    pub takes_time: bool,
}

/// Returns a whole response.
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
    verdict: Verdict,
    expected: &'static str,
) -> WireFault {
    WireFault {
        name,
        play,
        simulated: simulated.to_vec(),
        verdict,
        expected,
        takes_time: false,
    }
}

pub(super) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}
