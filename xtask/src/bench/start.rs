//! The time from the start of a process to the first byte that it sends.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::cases::Program;
use super::median;
use super::table::Row;

/// The number of starts of each program.
const STARTS: usize = 25;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"status\":\"RUNNING\"}";

/// Starts all programs in turn, many times, and returns the median of each, in microseconds.
pub(super) fn measure(programs: &[Program]) -> Result<Row, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = format!("http://{address}");
    let mut found = vec![Vec::new(); programs.len()];
    for _ in 0..STARTS {
        for (program, found) in programs.iter().zip(&mut found) {
            let name = program.name;
            let mut command = program.pinned();
            command
                .args(["--base-url", &url, "--action", "job", "--job-id", "j"])
                .stdout(Stdio::null());
            let begin = Instant::now();
            let started = command.spawn();
            let mut process = started.map_err(|error| format!("{name}: {error}"))?;
            let took = answer(&listener, begin).map_err(|error| format!("{name}: {error}"))?;
            process.wait().map_err(|error| format!("{name}: {error}"))?;
            found.push(took.as_secs_f64() * 1e6);
        }
    }
    Ok(Row {
        title: "start of the process to the first byte (µs)".to_owned(),
        values: found.into_iter().map(median).collect(),
    })
}

/// Answers one request. Returns the time to its first byte.
fn answer(listener: &TcpListener, begin: Instant) -> std::io::Result<Duration> {
    let (mut stream, _) = listener.accept()?;
    stream.read_exact(&mut [0])?;
    let took = begin.elapsed();
    let mut rest = [0; 16 * 1024];
    // The head arrives in one piece; nothing depends on it.
    let _ = stream.read(&mut rest)?;
    stream.write_all(ANSWER)?;
    Ok(took)
}
