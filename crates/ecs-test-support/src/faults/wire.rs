//! Faults on the wire: the script of a server for one connection, the equivalent in the simulator,
//! and the expected result of a run.

use ecs_sim::Fault;

use super::FaultOutcome;
use super::script::fault;
use super::script::send;
use super::strange::strange_answers;

pub use super::script::{ANSWER, Step, WireFault, response};

/// Returns all faults.
pub fn faults() -> Vec<WireFault> {
    [
        connections_that_end(),
        answers_that_take_time(),
        answers_that_are_no_http(),
        answers_without_end(),
        strange_answers(),
    ]
    .concat()
}

fn connections_that_end() -> Vec<WireFault> {
    use FaultOutcome::Unknown;
    use Step::{Read, ReadByte, Reset};
    let ended = "the connection ended";
    let cut = "cut short";
    let unanswered = &[Fault::Reset, Fault::Closed];
    vec![
        fault(
            "resets while the request comes",
            vec![ReadByte, Reset],
            &[Fault::Reset],
            Unknown,
            ended,
        ),
        fault(
            "resets after the request",
            vec![Read, Reset],
            unanswered,
            Unknown,
            ended,
        ),
        fault(
            "closes without an answer",
            vec![Read],
            unanswered,
            Unknown,
            ended,
        ),
        fault(
            "cuts the status line",
            vec![Read, send("HTTP/1.1 20")],
            unanswered,
            Unknown,
            ended,
        ),
        fault(
            "cuts the head",
            vec![Read, send("HTTP/1.1 200 OK\r\nContent-")],
            unanswered,
            Unknown,
            ended,
        ),
        fault(
            "cuts the body",
            vec![
                Read,
                send("HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"job_id\":\"ff80"),
            ],
            &[Fault::BodyCut],
            Unknown,
            cut,
        ),
        fault(
            "announces more than a whole body",
            vec![
                Read,
                send(&format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{ANSWER}"
                )),
            ],
            &[Fault::BodyCut],
            Unknown,
            cut,
        ),
        fault(
            "cuts between chunks",
            vec![
                Read,
                send(&format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{ANSWER}\r\n"
                )),
            ],
            &[Fault::BodyCut],
            Unknown,
            cut,
        ),
        fault(
            "says 103 and closes",
            vec![Read, send("HTTP/1.1 103 Early Hints\r\n\r\n")],
            unanswered,
            Unknown,
            ended,
        ),
    ]
}

fn answers_that_take_time() -> Vec<WireFault> {
    use Step::{Hang, Read, SendSlowly};
    let late = |name, play, simulated: &[Fault]| WireFault {
        takes_time: true,
        ..fault(name, play, simulated, FaultOutcome::Unknown, "timed out")
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n";
    vec![
        late(
            "never answers",
            vec![Read, Hang],
            &[Fault::Silent, Fault::Swallowed],
        ),
        late(
            "never sends the body",
            vec![Read, send(head), Hang],
            &[Fault::Silent],
        ),
        // In the simulator this is a slow way, which has its own test.
        late(
            "answers too slowly",
            vec![Read, SendSlowly(response("200 OK", "", ANSWER))],
            &[],
        ),
        late(
            "says 102 for ever",
            vec![
                Read,
                SendSlowly("HTTP/1.1 102 Processing\r\n\r\n".repeat(100).into()),
            ],
            &[Fault::Silent],
        ),
    ]
}

fn answers_that_are_no_http() -> Vec<WireFault> {
    let garbage = |name, bytes: &[u8]| {
        let play = vec![Step::Read, Step::Send(bytes.to_vec())];
        fault(
            name,
            play,
            &[Fault::NotHttp],
            FaultOutcome::Unknown,
            "not valid HTTP",
        )
    };
    vec![
        garbage("talks SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        garbage("talks TLS", b"\x15\x03\x03\x00\x02\x02\x28"),
        garbage(
            "talks HTTP/2",
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
        ),
        garbage(
            "sends a page without a head",
            b"<html><body>It works!</body></html>\r\n\r\n",
        ),
        garbage("sends zeros", &[0; 64]),
        garbage("has words for a status", b"HTTP/1.1 two hundred\r\n\r\n"),
        garbage(
            "has words for a length",
            b"HTTP/1.1 200 OK\r\nContent-Length: some\r\n\r\n",
        ),
        garbage(
            "has two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        ),
        garbage(
            "sends a chunk that is none",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        ),
    ]
}

fn answers_without_end() -> Vec<WireFault> {
    use Step::{Read, SendForever};
    let flood = |name, head: &str, again: String, expected| {
        let play = vec![Read, send(head), SendForever(again.into_bytes())];
        fault(
            name,
            play,
            &[Fault::TooLarge],
            FaultOutcome::Unknown,
            expected,
        )
    };
    let much = || "x".repeat(65_536);
    let large = "larger than the limit";
    vec![
        flood(
            "sends 4 GB",
            "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n",
            much(),
            large,
        ),
        flood(
            "does not end its body",
            "HTTP/1.1 200 OK\r\n\r\n",
            much(),
            large,
        ),
        flood(
            "does not end its chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            format!("10000\r\n{}\r\n", much()),
            large,
        ),
        flood(
            "does not end its head",
            "HTTP/1.1 200 OK\r\nX-Long: ",
            much(),
            "not valid HTTP",
        ),
    ]
}
