//! A threaded service that plays a script for each of its resources.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The reaction to a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A whole answer; the connection is kept.
    Answer(Vec<u8>),
    /// These bytes, whatever they are; then the connection is closed.
    Last(Vec<u8>),
    /// No answer: the connection is reset.
    Reset,
}

impl Act {
    pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Answer(bytes(status, headers, body))
    }

    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::answer("200 OK", "", body)
    }

    /// A whole answer; then the connection is closed without notice.
    pub(crate) fn then_closed(self) -> Self {
        match self {
            Self::Answer(bytes) => Self::Last(bytes),
            other => other,
        }
    }
}

fn bytes(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The scripts, by the last segment of the path. The last act of each is repeated for ever.
type Scripts = HashMap<String, VecDeque<Act>>;

pub(crate) struct Service {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
    scripts: Arc<Mutex<Scripts>>,
}

impl Service {
    pub(crate) fn start(scripts: impl IntoIterator<Item = (&'static str, Vec<Act>)>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), scripts)
    }

    pub(crate) fn on(
        listener: TcpListener,
        scripts: impl IntoIterator<Item = (&'static str, Vec<Act>)>,
    ) -> Self {
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let scripts = scripts
            .into_iter()
            .map(|(name, acts)| (name.to_owned(), acts.into()));
        let scripts: Arc<Mutex<Scripts>> = Arc::new(Mutex::new(scripts.collect()));
        let seen = Arc::default();
        let service = Self {
            endpoint,
            seen: Arc::clone(&seen),
            scripts: Arc::clone(&scripts),
        };
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen, scripts) =
                    (stream.unwrap(), Arc::clone(&seen), Arc::clone(&scripts));
                // A closed connection ends the thread.
                std::thread::spawn(move || serve(stream, &seen, &scripts));
            }
        });
        service
    }

    pub(crate) fn options(&self) -> Vec<String> {
        crate::common::options(&self.endpoint, "p1", "t1")
    }

    /// Returns the number of requests whose line begins like this.
    pub(crate) fn requests(&self, beginning: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|line| line.starts_with(beginning))
            .count()
    }

    /// Returns the number of acts of a script that were not played.
    pub(crate) fn left(&self, name: &str) -> usize {
        self.scripts.lock().unwrap()[name].len() - 1
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    scripts: &Mutex<Scripts>,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r") {
            if stream.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let line = head.lines().next().unwrap().to_owned();
        let path = line.split([' ', '?']).nth(1).unwrap();
        let name = path.rsplit('/').next().unwrap().to_owned();
        seen.lock().unwrap().push(line);
        let act = {
            let mut scripts = scripts.lock().unwrap();
            let acts = scripts.get_mut(&name).unwrap();
            match acts.len() {
                1 => acts[0].clone(),
                _ => acts.pop_front().unwrap(),
            }
        };
        if matches!(act, Act::Reset) {
            // A socket that is closed with unread data is reset: here the last byte of the head.
            stream.peek(&mut byte)?;
            return Ok(());
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let length = name.eq_ignore_ascii_case("content-length");
            length.then(|| value.trim().parse().unwrap())
        });
        // The line feed that ends the head, and the body.
        stream.read_exact(&mut vec![0; 1 + length.unwrap_or(0_usize)])?;
        match act {
            Act::Answer(bytes) => stream.write_all(&bytes)?,
            Act::Last(bytes) => return stream.write_all(&bytes),
            Act::Reset => return Ok(()),
        }
    }
}
