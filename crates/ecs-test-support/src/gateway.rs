//! A gateway between a client and a service, on real sockets: it forwards, and reproduces the
//! observed behaviour of real gateways. Each [`Page`] and [`Trick`] names them, with version and
//! configuration.
//!
//! It runs on threads, so that tests of `ecsctl` as a process can use it, too.

mod pages;
mod wire;

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use pages::{PAGES, Page};

use wire::{closing, read_message, with_headers};

/// The time limit of every read, so that a hanging test ends.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// The reaction of the gateway to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Forwards the request and the answer.
    Forward,
    /// Forwards the request, and answers with a page instead of the service's answer.
    PageAfter(Page),
    /// Answers with a page; the service does not receive the request.
    PageInstead(Page),
    /// Forwards the request, and closes without an answer (nginx: a killed worker).
    DropAfter,
    /// Closes without forwarding the request (nginx: `return 444`).
    DropInstead,
    /// Forwards the request after this time, even if the client has gone (HAProxy without `option
    /// abortonclose`: its queue).
    Queue(Duration),
    /// Answers from its cache if it has an answer for this path, with its request id (nginx
    /// `proxy_cache_valid`).
    Cache,
    /// Like [`Cache`](Self::Cache), with `Age`, `X-Cache` and the old `Date` (Squid
    /// `refresh_pattern`).
    CacheWithAge,
}

/// The parts of a request by which a gateway decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The number of earlier requests with this method.
    pub before: usize,
}

impl Seen {
    /// Returns whether the request acts on servers.
    pub fn is_action(&self) -> bool {
        self.method == "POST"
    }
}

type Rule = dyn Fn(&Seen) -> Trick + Send + Sync;

/// The gateway. It ends when it is dropped; forwarded requests continue.
pub struct Gateway {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    rule: Box<Rule>,
    over: AtomicBool,
    seen: Mutex<Vec<Seen>>,
    remembered: Mutex<HashMap<String, Vec<u8>>>,
}

impl Gateway {
    /// Listens on a free port of 127.0.0.1, in front of `upstream`, and calls the rule for each
    /// request.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(
        upstream: SocketAddr,
        rule: impl Fn(&Seen) -> Trick + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            rule: Box::new(rule),
            over: AtomicBool::new(false),
            seen: Mutex::default(),
            remembered: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A client that leaves ends its connection. The test checks the executed requests.
                thread::spawn(move || shared.serve(client).unwrap_or_default());
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL: `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns all requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Returns the number of requests that acted on servers.
    pub fn actions(&self) -> usize {
        self.seen().iter().filter(|seen| seen.is_action()).count()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Serves a connection, which carries one request.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(READ_TIMEOUT))?;
        let Some(request) = read_message(&mut client)? else {
            return Ok(());
        };
        let seen = self.note(&request);
        match (self.rule)(&seen) {
            Trick::Forward => {
                let answer = self.forward(&request)?;
                client.write_all(&answer)
            }
            Trick::PageAfter(page) => {
                self.forward(&request)?;
                client.write_all(&page.bytes())
            }
            Trick::PageInstead(page) => client.write_all(&page.bytes()),
            Trick::DropAfter => self.forward(&request).map(drop),
            Trick::DropInstead => Ok(()),
            Trick::Queue(time) => {
                thread::sleep(time);
                let answer = self.forward(&request)?;
                client.write_all(&answer)
            }
            Trick::Cache => client.write_all(&self.cached(&seen, &request, "")?),
            Trick::CacheWithAge => {
                let hit = "Age: 600\r\nX-Cache: HIT from gate\r\nVia: 1.1 gate (squid/5.7)\r\n";
                client.write_all(&self.cached(&seen, &request, hit)?)
            }
        }
    }

    fn note(&self, request: &[u8]) -> Seen {
        let line = request
            .split(|&byte| byte == b'\r')
            .next()
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut parts = line.split(' ').map(str::to_owned);
        let (method, path) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let mut all = lock(&self.seen);
        let before = all.iter().filter(|seen| seen.method == method).count();
        let seen = Seen {
            method,
            path,
            before,
        };
        all.push(seen.clone());
        seen
    }

    /// Sends the request on its own connection and returns the complete answer.
    fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        upstream.set_read_timeout(Some(READ_TIMEOUT))?;
        upstream.write_all(&closing(request))?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Returns the cached answer of the path with these header lines, or the service's current
    /// answer.
    fn cached(&self, seen: &Seen, request: &[u8], hit: &str) -> io::Result<Vec<u8>> {
        let remembered = lock(&self.remembered).get(&seen.path).cloned();
        if let Some(answer) = remembered {
            return Ok(with_headers(&answer, hit));
        }
        let answer = self.forward(request)?;
        lock(&self.remembered).insert(seen.path.clone(), answer.clone());
        Ok(answer)
    }
}
