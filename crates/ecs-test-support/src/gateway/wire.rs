//! Just enough HTTP/1.1 to forward one request.

use std::io::{self, Read as _};
use std::net::TcpStream;

/// Reads one complete message with a length; `None` if the peer closed before.
pub(super) fn read_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = end_of_head(&message)
            && message.len() >= end + content_length(&message[..end])
        {
            return Ok(Some(message));
        }
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(None);
        }
        message.extend_from_slice(&chunk[..read]);
    }
}

fn end_of_head(message: &[u8]) -> Option<usize> {
    let end = message.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some(end + 4)
}

fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0)
}

/// Inserts these header lines after the first line of a message.
pub(super) fn with_headers(message: &[u8], headers: &str) -> Vec<u8> {
    let first = message
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let (line, rest) = message.split_at(first);
    [line, headers.as_bytes(), rest].concat()
}

/// Changes a request so that the connection ends after it.
pub(super) fn closing(request: &[u8]) -> Vec<u8> {
    with_headers(request, "Connection: close\r\n")
}
