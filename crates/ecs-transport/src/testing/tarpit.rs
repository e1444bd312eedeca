//! A server on a real socket that follows a script byte by byte.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::{lock, wire};

/// The script of one connection: steps in order, after which the server closes it.
///
/// ```
/// use ecs_transport::testing::Play;
/// use http::StatusCode;
///
/// // Takes a request and resets the connection.
/// let reset = Play::new().read_request().reset();
/// // Promises ten bytes and closes after three.
/// let cut = Play::new().read_request().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
/// // Answers two requests on one connection.
/// let twice = Play::new().reply(StatusCode::OK, "{}").reply(StatusCode::OK, "{}");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Play(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    ReadRequest,
    ReadByte,
    Send(Bytes),
    SendForever(Bytes),
    SendSlowly(Bytes, Duration),
    WaitFor(Signal),
    Reset,
    Hang,
}

impl Play {
    /// Creates an empty script: the connection is closed as soon as it is accepted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one complete request, head and body, and counts it. The script ends if the peer closes
    /// before.
    #[must_use]
    pub fn read_request(self) -> Self {
        self.step(Step::ReadRequest)
    }

    /// Reads one byte, without counting: the peer has begun to send.
    #[must_use]
    pub fn read_byte(self) -> Self {
        self.step(Step::ReadByte)
    }

    /// Sends these bytes unchanged.
    #[must_use]
    pub fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends these bytes repeatedly until the peer closes.
    #[must_use]
    pub fn send_forever(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::SendForever(bytes.into()))
    }

    /// Sends these bytes one by one, with a pause before each, until the peer closes.
    #[must_use]
    pub fn send_slowly(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.step(Step::SendSlowly(bytes.into(), pause))
    }

    /// Reads one complete request and sends a complete response.
    #[must_use]
    pub fn reply(self, status: StatusCode, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        response.extend_from_slice(body);
        self.read_request().send(response)
    }

    /// Waits for the signal.
    #[must_use]
    pub fn wait_for(self, signal: &Signal) -> Self {
        self.step(Step::WaitFor(signal.clone()))
    }

    /// Ends the connection with a TCP reset instead of an orderly close.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Sends nothing more, and reads and discards everything until the peer closes.
    #[must_use]
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    fn step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A latch that waiting tasks pass once it is given. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<watch::Sender<bool>>);

impl Signal {
    /// Creates a signal that is not given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal, permanently.
    pub fn give(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the signal is given.
    pub async fn given(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|given| *given).await;
    }
}

/// A loopback server that plays scripts and counts: that it read a request exactly once proves that
/// it was sent exactly once. It ends with its connections when it is dropped.
///
/// It needs a tokio runtime with I/O, and works in real time: paused time would pass while bytes
/// are on their way.
///
/// ```
/// use ecs_transport::testing::{Play, Tarpit};
/// use http::StatusCode;
///
/// # fn main() -> std::io::Result<()> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // The first connection is reset, the second one answered, all others closed.
/// let server = Tarpit::start([
///     Play::new().read_request().reset(),
///     Play::new().reply(StatusCode::OK, "{}"),
/// ])
/// .await?;
/// let url = format!("{}/v1/p/jobs/j", server.url());
/// // … send requests to it, then:
/// assert_eq!((server.connections(), server.requests()), (0, 0));
/// # Ok(()) }) }
/// ```
pub struct Tarpit {
    address: SocketAddr,
    log: Arc<Log>,
    server: AbortHandle,
}

#[derive(Default)]
struct Log {
    counts: watch::Sender<Counts>,
    seen: Mutex<Vec<Request<Bytes>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    connections: usize,
    requests: usize,
    closed: usize,
}

impl Tarpit {
    /// Plays the first of `plays` with the first connection to 127.0.0.1, the second with the
    /// second, and closes all connections after the last.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(plays: impl IntoIterator<Item = Play>) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), plays).await
    }

    /// Plays the same script with every connection.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn always(play: Play) -> io::Result<Self> {
        Self::start_then([], play).await
    }

    /// Like [`start`](Self::start), but plays `then` with all connections after the last of
    /// `plays`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start_then(plays: impl IntoIterator<Item = Play>, then: Play) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::start_on(listener, plays, then)
    }

    /// Like [`start_then`](Self::start_then), with a given listener, for example one that refused
    /// until now.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start_on(
        listener: TcpListener,
        plays: impl IntoIterator<Item = Play>,
        then: Play,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let log = Arc::new(Log::default());
        let plays = plays.into_iter().collect();
        let server = tokio::spawn(accept(listener, plays, then, Arc::clone(&log)));
        Ok(Self {
            address,
            log,
            server: server.abort_handle(),
        })
    }

    /// Like [`start`](Self::start), on a given address. Port 0 is any free one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start_at(
        address: SocketAddr,
        plays: impl IntoIterator<Item = Play>,
    ) -> io::Result<Self> {
        Self::start_on(TcpListener::bind(address).await?, plays, Play::new())
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server: `http://` and its address, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of accepted connections.
    pub fn connections(&self) -> usize {
        self.log.counts.borrow().connections
    }

    /// Returns the number of complete requests that it read.
    pub fn requests(&self) -> usize {
        self.log.counts.borrow().requests
    }

    /// Returns the number of connections that it closed.
    pub fn closed(&self) -> usize {
        self.log.counts.borrow().closed
    }

    /// Returns the complete requests that it read, each with the URI as written on the request
    /// line.
    pub fn seen(&self) -> Vec<Request<Bytes>> {
        lock(&self.log.seen).clone()
    }

    /// Waits until it has accepted this many connections.
    pub async fn wait_for_connections(&self, count: usize) {
        self.wait_until(|counts| counts.connections >= count).await;
    }

    /// Waits until it has read this many whole requests.
    pub async fn wait_for_requests(&self, count: usize) {
        self.wait_until(|counts| counts.requests >= count).await;
    }

    async fn wait_until(&self, reached: impl Fn(&Counts) -> bool) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.log.counts.subscribe().wait_for(reached).await;
    }
}

impl fmt::Debug for Tarpit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tarpit")
            .field("address", &self.address)
            .field("counts", &*self.log.counts.borrow())
            .finish()
    }
}

impl Drop for Tarpit {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, plays: Vec<Play>, then: Play, log: Arc<Log>) {
    let mut plays = plays.into_iter();
    // Dropped with this task, which drops its connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        log.counts.send_modify(|counts| counts.connections += 1);
        let play = plays.next().unwrap_or_else(|| then.clone());
        let log = Arc::clone(&log);
        connections.spawn(async move {
            // A peer that closes ends the script. The test checks the counts.
            let _ = perform(stream, play, &log).await;
            log.counts.send_modify(|counts| counts.closed += 1);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn perform(mut stream: TcpStream, play: Play, log: &Log) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    for step in play.0 {
        match step {
            Step::ReadRequest => {
                let Some(request) = wire::read_request(&mut stream, &mut buffer).await? else {
                    return Ok(());
                };
                lock(&log.seen).push(request);
                log.counts.send_modify(|counts| counts.requests += 1);
            }
            Step::ReadByte => {
                stream.read_u8().await?;
            }
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::SendForever(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Step::SendSlowly(bytes, pause) => {
                for byte in bytes {
                    tokio::time::sleep(pause).await;
                    stream.write_u8(byte).await?;
                }
            }
            Step::WaitFor(signal) => signal.given().await,
            Step::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Step::Hang => while stream.read(&mut [0; 1024]).await? > 0 {},
        }
    }
    Ok(())
}
