//! A threaded server that plays the scripts of the fault table.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::common::options;
use ecs_test_support::faults::wire::{ANSWER, Step, response};

/// A server that plays one script after the other on its connections, and gives good answers afterwards.
pub(crate) struct Server {
    pub(crate) listening: String,
    pub(crate) seen: Arc<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    plays: VecDeque<Vec<Step>>,
    /// The request lines of all requests.
    pub(crate) requests: Vec<String>,
    /// All connections so far.
    pub(crate) connections: usize,
    /// The number of finished scripts.
    pub(crate) over: usize,
    /// Good answers wait until this is false.
    pub(crate) held: bool,
    /// The number of actions with a good answer.
    accepted: usize,
}

impl State {
    /// Returns the id of the job of a good answer: that of a query, or a new one for each action. The first is that of
    /// [`ANSWER`].
    fn job_of(&mut self, request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if let Some((_, job_id)) = path.rsplit_once("/jobs/") {
            return job_id.to_owned();
        }
        self.accepted += 1;
        (11 + self.accepted).to_string()
    }
}

impl Seen {
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    pub(crate) fn wait_until(&self, reached: impl Fn(&State) -> bool) {
        let state = self.state.lock().unwrap();
        let limit = Duration::from_secs(60);
        let waited = self
            .changed
            .wait_timeout_while(state, limit, |item| !reached(item));
        assert!(
            !waited.unwrap().1.timed_out(),
            "the client did not do its part"
        );
    }
}

impl Server {
    pub(crate) fn start(plays: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, plays)
    }

    pub(crate) fn on(listener: TcpListener, plays: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let listening = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Seen::default());
        seen.change(|state| state.plays = plays.into_iter().collect());
        let log = Arc::clone(&seen);
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, log) = (stream.unwrap(), Arc::clone(&log));
                let mut next = None;
                log.change(|state| {
                    state.connections += 1;
                    next = state.plays.pop_front();
                });
                std::thread::spawn(move || {
                    // A closed connection ends the script.
                    match next {
                        Some(play) => {
                            let _ = perform(stream, &play, &log);
                            log.change(|state| state.over += 1);
                        }
                        None => while answer_well(&stream, &log).is_ok_and(|more| more) {},
                    }
                });
            }
        });
        Self { listening, seen }
    }

    pub(crate) fn options(&self) -> Vec<String> {
        options(&format!("http://{}", self.listening), "p1", "t1")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.seen.state.lock().unwrap()
    }

    pub(crate) fn actions(&self) -> usize {
        let state = self.state();
        let actions = state
            .requests
            .iter()
            .filter(|line| line.starts_with("POST "));
        actions.count()
    }
}

fn perform(mut stream: TcpStream, play: &[Step], seen: &Seen) -> std::io::Result<()> {
    for (index, step) in play.iter().enumerate() {
        match step {
            Step::Read => {
                // A socket that is closed with unread data is reset.
                let resets = matches!(play.get(index + 1), Some(Step::Reset));
                if read_request(&stream, seen, !resets)?.is_none() {
                    return Ok(());
                }
            }
            Step::ReadByte => stream.read_exact(&mut [0])?,
            Step::Send(bytes) => stream.write_all(bytes)?,
            Step::SendForever(bytes) => loop {
                stream.write_all(bytes)?;
                // Floods rise in parallel.
                std::thread::sleep(Duration::from_millis(1));
            },
            Step::SendSlowly(bytes) => {
                for byte in bytes {
                    std::thread::sleep(Duration::from_millis(100));
                    stream.write_all(&[*byte])?;
                }
            }
            Step::Hang => while stream.read(&mut [0; 1024])? > 0 {},
            // Unread data turns the close into a reset.
            Step::Reset => return Ok(()),
        }
    }
    Ok(())
}

/// Reads a whole request, or all of it but its last byte once that has arrived. Returns its first line; `None` if there
/// is no request.
fn read_request(mut stream: &TcpStream, seen: &Seen, all: bool) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse().unwrap())
    });
    // The line feed that ends the head, and the body.
    let left = 1 + length.unwrap_or(0_usize);
    stream.read_exact(&mut vec![0; left - usize::from(!all)])?;
    if !all {
        stream.peek(&mut byte)?;
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    seen.change(|state| state.requests.push(line.clone()));
    Ok(Some(line))
}

fn answer_well(mut stream: &TcpStream, seen: &Seen) -> std::io::Result<bool> {
    let Some(line) = read_request(stream, seen, true)? else {
        return Ok(false);
    };
    seen.wait_until(|state| !state.held);
    let mut answer = ANSWER.to_owned();
    seen.change(|state| answer = answer.replace("12", &state.job_of(&line)));
    stream.write_all(&response("200 OK", "", answer))?;
    Ok(true)
}
