//! A server on a real socket that does as it is told, byte by byte.

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

/// What the server does with one connection: steps, one after the other. After the last one it closes.
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
    /// No step: the connection is closed as soon as it is accepted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one whole request, head and body, and counts it. If the peer closes before, the play is over.
    #[must_use]
    pub fn read_request(self) -> Self {
        self.step(Step::ReadRequest)
    }

    /// Reads one byte and counts nothing: the peer has begun to send.
    #[must_use]
    pub fn read_byte(self) -> Self {
        self.step(Step::ReadByte)
    }

    /// Sends these bytes as they are.
    #[must_use]
    pub fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends these bytes again and again until the peer has had enough.
    #[must_use]
    pub fn send_forever(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::SendForever(bytes.into()))
    }

    /// Sends these bytes one by one, with a pause before each, until the peer has had enough.
    #[must_use]
    pub fn send_slowly(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.step(Step::SendSlowly(bytes.into(), pause))
    }

    /// Reads one whole request and answers it with a whole response.
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

    /// Goes on only after the signal is given.
    #[must_use]
    pub fn wait_for(self, signal: &Signal) -> Self {
        self.step(Step::WaitFor(signal.clone()))
    }

    /// Ends the connection with a TCP reset instead of an orderly close.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Says nothing more, reads and forgets whatever comes, until the peer closes.
    #[must_use]
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    fn step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A latch: what waits for it goes on once it is given. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<watch::Sender<bool>>);

impl Signal {
    /// Creates a signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives it, for good.
    pub fn give(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is given.
    pub async fn given(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|given| *given).await;
    }
}

/// A loopback server that plays a script, and counts: that it read a request exactly once proves that it was
/// sent exactly once. It ends, with its connections, when it is dropped.
///
/// It needs a tokio runtime with I/O, and works in real time: paused time would pass while bytes are on their way.
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
    /// Plays the first of `plays` with the first connection to 127.0.0.1, the second with the second, and
    /// closes all that come after the last.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(plays: impl IntoIterator<Item = Play>) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), plays).await
    }

    /// Does the same with every connection.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn always(play: Play) -> io::Result<Self> {
        Self::start_then([], play).await
    }

    /// Like [`start`](Self::start), and plays `then` with all connections that come after the last of `plays`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start_then(plays: impl IntoIterator<Item = Play>, then: Play) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::start_on(listener, plays, then)
    }

    /// Like [`start_then`](Self::start_then), with a listener of choice: one that refused until now, for example.
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

    /// Like [`start`](Self::start), on an address of choice. Port 0 is any free one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start_at(
        address: SocketAddr,
        plays: impl IntoIterator<Item = Play>,
    ) -> io::Result<Self> {
        Self::start_on(TcpListener::bind(address).await?, plays, Play::new())
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.log.counts.borrow().connections
    }

    /// Returns how many whole requests it has read.
    pub fn requests(&self) -> usize {
        self.log.counts.borrow().requests
    }

    /// Returns how many connections it has closed.
    pub fn closed(&self) -> usize {
        self.log.counts.borrow().closed
    }

    /// The whole requests it has read, each with the URI as it stood on the request line.
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
    // Dropped with this task, and its connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        log.counts.send_modify(|counts| counts.connections += 1);
        let play = plays.next().unwrap_or_else(|| then.clone());
        let log = Arc::clone(&log);
        connections.spawn(async move {
            // A peer that goes away ends the play. The test looks at the counts.
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
