//! Complete but unusual answers.

use ecs_sim::Fault;

use super::FaultOutcome;
use super::script::{ANSWER, Step, WireFault, fault, response, send};

/// The answer, compressed by `gzip`.
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xab\x56\xca\xca\x4f\x8a\xcf\x4c\x51\xb2\x52\x4a\x4b\xb3\x30\0\x42\
    \x23\x0b\x8b\x14\x13\xc3\x54\xc3\x24\x03\x43\x0b\x4b\x4b\x03\x23\x33\x03\x4b\x53\x53\x33\x0b\xb3\x44\x25\x1d\xa5\
    \xe2\x92\xc4\x92\xd2\x62\xa0\xda\xe0\x50\x67\x67\xd7\xe0\x60\xa5\x5a\0\x54\xd0\x0a\x18\x40\0\0\0";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn strange_answers() -> Vec<WireFault> {
    use FaultOutcome::{Succeeds, Unknown};
    let answer =
        |name, headers: &str, body: &[u8], simulated: &[Fault], fault_outcome, expected| {
            let play = vec![Step::Read, Step::Send(response("200 OK", headers, body))];
            fault(name, play, simulated, fault_outcome, expected)
        };
    let good = String::from_utf8_lossy(&response("200 OK", "", ANSWER)).into_owned();
    let raw = |name, bytes: String, fault_outcome, expected| {
        fault(
            name,
            vec![Step::Read, send(&bytes)],
            &[],
            fault_outcome,
            expected,
        )
    };
    let numbered = |number| ANSWER.replace("\"12\"", number);
    vec![
        answer("is good", "", ANSWER.as_bytes(), &[], Succeeds, ""),
        raw(
            "says 100 and 103 first",
            format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n{good}"
            ),
            Succeeds,
            "",
        ),
        raw("answers twice", format!("{good}{good}"), Succeeds, ""),
        raw(
            "cuts a body without a length",
            "HTTP/1.1 200 OK\r\n\r\n{\"job_id\":\"ff80808288d4".to_owned(),
            Unknown,
            "HTTP 200",
        ),
        raw(
            "goes on after its answer",
            format!("{good}\0\0 and so on"),
            Succeeds,
            "",
        ),
        fault(
            "switches protocols",
            vec![
                Step::Read,
                send(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                ),
            ],
            &[],
            Unknown,
            "HTTP 101",
        ),
        answer(
            "has a number for a job id",
            "",
            numbered("12").as_bytes(),
            &[Fault::Numbered],
            Succeeds,
            "",
        ),
        answer(
            "has a number that no job id is",
            "",
            numbered("1e400").as_bytes(),
            &[],
            Unknown,
            "HTTP 200",
        ),
        answer(
            "has a list for a job id",
            "",
            numbered("[]").as_bytes(),
            &[],
            Unknown,
            "HTTP 200",
        ),
        answer(
            "has an empty job id",
            "",
            numbered("\"\"").as_bytes(),
            &[],
            Unknown,
            "HTTP 200",
        ),
        answer(
            "has a path for a job id",
            "",
            numbered("\"../x\"").as_bytes(),
            &[],
            Unknown,
            "HTTP 200",
        ),
        answer(
            "marks its byte order",
            "",
            format!("\u{feff}{ANSWER}").as_bytes(),
            &[Fault::Marked],
            Succeeds,
            "",
        ),
        answer(
            "compresses its answer",
            "Content-Encoding: gzip\r\n",
            GZIP,
            &[Fault::Compressed],
            Unknown,
            "HTTP 200",
        ),
        answer(
            "says that it compresses and does not",
            "Content-Encoding: gzip\r\n",
            ANSWER.as_bytes(),
            &[],
            Succeeds,
            "",
        ),
    ]
}
