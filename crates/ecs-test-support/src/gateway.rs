//! A gateway between a client and a service, on real sockets: it forwards, and does what real gateways were seen to do. Which
//! ones, with their versions and their configurations, stands at each [`Page`] and [`Trick`].
//!
//! It runs on threads, so that the tests of `ecsctl` as a process can use it, too.

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

/// How long any read may take: a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the gateway does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Forwards it, and the answer.
    Forward,
    /// Forwards it, and answers with a page of its own instead of what the service said.
    PageAfter(Page),
    /// Answers with a page of its own; the service sees nothing.
    PageInstead(Page),
    /// Forwards it, and closes without an answer (nginx: a worker that is killed).
    DropAfter,
    /// Closes without an answer and without forwarding it (nginx: `return 444`).
    DropInstead,
    /// Forwards it after this time, also if the client has gone (HAProxy without `option abortonclose`: its queue).
    Queue(Duration),
    /// Answers from its memory if it has an answer for this path, with its request id (nginx `proxy_cache_valid`).
    Cache,
    /// The same with `Age`, `X-Cache` and the old `Date` (Squid `refresh_pattern`).
    CacheWithAge,
}

/// One request, as far as a gateway judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// How many requests with this method came before.
    pub before: usize,
}

impl Seen {
    /// Returns whether it acts on servers.
    pub fn is_action(&self) -> bool {
        self.method == "POST"
    }
}

type Rule = dyn Fn(&Seen) -> Trick + Send + Sync;

/// The gateway. It ends when it is dropped; what it has forwarded goes on.
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
    /// Listens on a free port of 127.0.0.1, in front of `upstream`, and asks the rule about each request.
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
                // A client that goes away ends its connection. The test looks at what was executed.
                thread::spawn(move || shared.serve(client).unwrap_or_default());
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns all requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Returns how many requests acted on servers.
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
    /// One connection carries one request.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
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

    /// Sends the request on a connection of its own and returns the whole answer.
    fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        upstream.set_read_timeout(Some(PATIENCE))?;
        upstream.write_all(&closing(request))?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// What is remembered for the path, with these header lines, or what the service says now.
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
