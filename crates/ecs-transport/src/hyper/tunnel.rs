//! `CONNECT`: the request with which a proxy opens a tunnel.

use std::io;

use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest head of an answer to `CONNECT`, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// The largest number of its headers.
const HEADERS: usize = 128;

/// The reason why a tunnel was not opened.
#[derive(Debug)]
pub(super) enum NoTunnel {
    /// The proxy answered with a status other than 200, and optionally a reason.
    Refused(StatusCode, Option<String>),
    /// The proxy closed the connection without an answer.
    Closed,
    /// The answer is not HTTP.
    NotHttp,
    /// The connection to the proxy broke.
    Io(io::Error),
}

/// Requests a tunnel to `target` (`host:port`). On success the next byte on `stream` is the first
/// one of the tunnel.
///
/// Only 200 opens it. No other answer, such as a redirect to a login page, leads to the service.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    target: &str,
    credentials: Option<&HeaderValue>,
) -> Result<(), NoTunnel> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(credentials) = credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(NoTunnel::Io)?;
    stream.flush().await.map_err(NoTunnel::Io)?;

    let mut head = Vec::new();
    loop {
        // Byte by byte, since the bytes after the head belong to the tunnel. The operating system
        // has buffered them already.
        let byte = match stream.read_u8().await {
            Ok(byte) => byte,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(if head.is_empty() {
                    NoTunnel::Closed
                } else {
                    NoTunnel::NotHttp
                });
            }
            Err(error) => return Err(NoTunnel::Io(error)),
        };
        head.push(byte);
        // A head can only end at the end of a line, and the first line shows whether it is HTTP.
        if byte == b'\n'
            && let Some(answer) = judge(&head)
        {
            return answer;
        }
        if head.len() >= HEAD_LIMIT {
            return Err(NoTunnel::NotHttp);
        }
    }
}

/// Judges the head of an answer; `None` if it is not complete.
fn judge(head: &[u8]) -> Option<Result<(), NoTunnel>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(head) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => {
            let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
            Some(match status {
                Some(StatusCode::OK) => Ok(()),
                Some(status) => Err(NoTunnel::Refused(status, reason(status, answer.headers))),
                None => Err(NoTunnel::NotHttp),
            })
        }
        Err(_) => Some(Err(NoTunnel::NotHttp)),
    }
}

/// Returns the header that gives the reason: Squid's `X-Squid-Error`, or the target of a redirect
/// (without its query, which may hold the key of a session).
fn reason(status: StatusCode, headers: &[httparse::Header<'_>]) -> Option<String> {
    let value = |wanted: &str| {
        let header = headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(wanted))?;
        let text = std::str::from_utf8(header.value).ok()?.trim();
        let readable = !text.is_empty() && text.len() <= 200 && !text.contains(char::is_control);
        readable.then_some(text)
    };
    let location = || {
        let location = value("location").filter(|_| status.is_redirection())?;
        let end = location.find(['?', '#']).unwrap_or(location.len());
        Some(format!("Location: {}", &location[..end]))
    };
    value("x-squid-error")
        .map(|error| format!("X-Squid-Error: {error}"))
        .or_else(location)
}

#[cfg(test)]
mod tests;
