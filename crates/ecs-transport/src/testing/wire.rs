//! Just enough HTTP/1.1 to detect the end of a request.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt};

/// More than any test sends, in bytes; keeps a runaway client from filling the memory.
const LIMIT: usize = 64 * 1024 * 1024;

/// Reads one complete request; `None` if the peer closed before.
pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> io::Result<Option<Request<Bytes>>> {
    let (head, length) = loop {
        match parse_head(buffer)? {
            Some((size, head, length)) => {
                buffer.advance(size);
                break (head, length);
            }
            None if fill(stream, buffer).await? => {}
            None => return Ok(None),
        }
    };
    let body = match length {
        Length::Fixed(length) => {
            while buffer.len() < length {
                if !fill(stream, buffer).await? {
                    return Ok(None);
                }
            }
            buffer.split_to(length).freeze()
        }
        Length::Chunked => {
            let mut body = BytesMut::new();
            loop {
                match next_chunk(buffer)? {
                    Some(chunk) if chunk.is_empty() => break,
                    Some(chunk) => body.extend_from_slice(&chunk),
                    None if fill(stream, buffer).await? => {}
                    None => return Ok(None),
                }
            }
            body.freeze()
        }
    };
    Ok(Some(head.map(|()| body)))
}

enum Length {
    Fixed(usize),
    Chunked,
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Reads more; `false` at the end of the stream.
async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<bool> {
    if buffer.len() > LIMIT {
        return Err(invalid("the request is larger than a test server takes"));
    }
    Ok(stream.read_buf(buffer).await? > 0)
}

fn parse_head(buffer: &[u8]) -> io::Result<Option<(usize, Request<()>, Length)>> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(size) = parsed.parse(buffer).map_err(invalid)? else {
        return Ok(None);
    };
    let mut request = Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default());
    let mut length = Length::Fixed(0);
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
        if header.name.eq_ignore_ascii_case("content-length") && !matches!(length, Length::Chunked)
        {
            let text = std::str::from_utf8(header.value).map_err(invalid)?;
            length = Length::Fixed(text.trim().parse().map_err(invalid)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        }
    }
    Ok(Some((size, request.body(()).map_err(invalid)?, length)))
}

/// Returns the next complete chunk; the empty one is the last. Trailers are not supported.
fn next_chunk(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let parsed = httparse::parse_chunk_size(buffer).map_err(|_| invalid("not a chunk size"))?;
    let httparse::Status::Complete((start, size)) = parsed else {
        return Ok(None);
    };
    let size = usize::try_from(size).ok().filter(|size| *size <= LIMIT);
    let size = size.ok_or_else(|| invalid("the chunk is larger than a test server takes"))?;
    if buffer.len() < start + size + 2 {
        return Ok(None);
    }
    buffer.advance(start);
    let chunk = buffer.split_to(size).freeze();
    buffer.advance(2); // its CRLF
    Ok(Some(chunk))
}

#[cfg(test)]
mod tests;
