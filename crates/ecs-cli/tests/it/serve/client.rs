//! A browser, as far as a socket is one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

use crate::common::LIMIT;

/// An answer. A status of 0: none arrived.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends the head of a request, without its last empty line, and a body; reads the answer to its end.
pub fn exchange(address: &str, head: &str, body: &str) -> Answer {
    let mut stream = connect(address);
    // A server that refuses may close before it has read everything.
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
    answer(stream)
}

pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

pub fn answer(mut stream: TcpStream) -> Answer {
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    let text = String::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_default();
    let (head, body) = (head.to_owned(), body.to_owned());
    Answer { status, head, body }
}

/// Events, as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Follows a page.
    pub fn of(address: &str, path: &str, line: &str) -> Self {
        let mut stream = connect(address);
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        Self(reader)
    }

    /// The next line; nothing at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).unwrap_or_default();
        (read > 0).then_some(line)
    }

    /// Reads events until one has this text, and returns them.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let (begun, mut seen) = (Instant::now(), String::new());
        loop {
            // Signs of life come in any case.
            assert!(
                begun.elapsed() < LIMIT,
                "not within {LIMIT:?}: {text:?}: {seen}"
            );
            let line = self.line();
            let line = line.unwrap_or_else(|| panic!("ended before {text:?}: {seen}"));
            seen.push_str(&line);
            if line.contains(text) {
                return seen;
            }
        }
    }
}
