//! A gateway between a client and a service, on real sockets: it forwards, and does what real gateways were seen to do. Which
//! ones, with their versions and their configurations, stands at each [`Page`] and [`Trick`].
//!
//! `ecsctl`'s tests include this file by its path, so it uses only the standard library, and threads.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long any read may take: a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer that a gateway makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which gateway makes it, with which setting.
    pub name: &'static str,
    /// Status code and reason.
    pub status: &'static str,
    /// Whole header lines, without `Content-Length`.
    pub headers: &'static str,
    /// The body.
    pub body: &'static str,
}

const HTML: &str = "Content-Type: text/html\r\n";
const NGINX: &str = "Server: nginx/1.22.1\r\nContent-Type: text/html\r\n";
const HAPROXY: &str = "cache-control: no-cache\r\ncontent-type: text/html\r\n";
const SQUID: &str = "Server: squid/5.7\r\nMime-Version: 1.0\r\nContent-Type: text/html;charset=utf-8\r\n\
                     X-Squid-Error: ERR_ACCESS_DENIED 0\r\nX-Cache: MISS from gate\r\nVia: 1.1 gate (squid/5.7)\r\n";

/// The pages of real gateways, as observed on Debian 12 (nginx 1.22.1, HAProxy 2.6.12, Squid 5.7, ModSecurity 3), and
/// bare ones of the same statuses. Each was seen, or can be configured, **after** the service had executed the request: by
/// rules about answers, error pages, limits of size or time.
pub const PAGES: [Page; 20] = [
    page(
        "HAProxy http-response deny 429",
        "429 Too Many Requests",
        HAPROXY,
        "<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount of time.\n</body></html>\n",
    ),
    page(
        "HAProxy http-response deny 403",
        "403 Forbidden",
        HAPROXY,
        "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
    ),
    page(
        "HAProxy http-response return 404, JSON",
        "404 Not Found",
        "content-type: application/json\r\n",
        "{}",
    ),
    page(
        "HAProxy 502",
        "502 Bad Gateway",
        HAPROXY,
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n",
    ),
    page(
        "HAProxy 503",
        "503 Service Unavailable",
        HAPROXY,
        "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
    ),
    page(
        "HAProxy 504",
        "504 Gateway Time-out",
        HAPROXY,
        "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n",
    ),
    page(
        "Squid http_reply_access deny",
        "403 Forbidden",
        SQUID,
        "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Access Denied.</body></html>",
    ),
    page(
        "Squid deny_info 429",
        "429 Too Many Requests",
        SQUID,
        "<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>",
    ),
    page(
        "Squid deny_info 401",
        "401 Unauthorized",
        SQUID,
        "<html><head><title>ERROR: Cache Access Denied.</title></head></html>",
    ),
    page(
        "ModSecurity phase 3, 429",
        "429 Too Many Requests",
        NGINX,
        "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "ModSecurity phase 3, 403",
        "403 Forbidden",
        NGINX,
        "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "nginx error_page 502 =404",
        "404 Not Found",
        NGINX,
        "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "nginx error_page 502 =401",
        "401 Unauthorized",
        NGINX,
        "<html>\r\n<head><title>401 Authorization Required</title></head></html>",
    ),
    page(
        "nginx error_page 502 =413",
        "413 Request Entity Too Large",
        NGINX,
        "<html>\r\n<head><title>413 Request Entity Too Large</title></head></html>",
    ),
    page(
        "nginx 502",
        "502 Bad Gateway",
        NGINX,
        "<html>\r\n<head><title>502 Bad Gateway</title></head></html>",
    ),
    page(
        "nginx 504",
        "504 Gateway Time-out",
        NGINX,
        "<html>\r\n<head><title>504 Gateway Time-out</title></head></html>",
    ),
    page("429 without a body", "429 Too Many Requests", "", ""),
    page(
        "400 with {}",
        "400 Bad Request",
        "Content-Type: application/json\r\n",
        "{}",
    ),
    page("409, a page", "409 Conflict", HTML, "<html>conflict</html>"),
    page(
        "429 with {} and Retry-After",
        "429 Too Many Requests",
        "Content-Type: application/json\r\nRetry-After: 1\r\n",
        "{}",
    ),
];

const fn page(
    name: &'static str,
    status: &'static str,
    headers: &'static str,
    body: &'static str,
) -> Page {
    Page {
        name,
        status,
        headers,
        body,
    }
}

impl Page {
    /// Its bytes, for a connection that is closed afterwards.
    pub fn bytes(&self) -> Vec<u8> {
        format!(
            "HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
            self.status,
            self.headers,
            self.body.len(),
            self.body
        )
        .into_bytes()
    }
}

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
    /// Whether it acts on servers.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// How many requests acted on servers.
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
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
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

/// Reads one whole message with a length. `None`: the peer closed before.
fn read_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
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

/// The message with these header lines behind its first line.
fn with_headers(message: &[u8], headers: &str) -> Vec<u8> {
    let first = message
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let (line, rest) = message.split_at(first);
    [line, headers.as_bytes(), rest].concat()
}

/// The request as one after which the connection ends.
fn closing(request: &[u8]) -> Vec<u8> {
    with_headers(request, "Connection: close\r\n")
}
