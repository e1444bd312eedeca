//! A process that dies at a given step: at an instant, at the nth record of its journal, at the nth
//! request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::journal::{Journal, JournalError, JournalLease, MemoryJournal, Record};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use http::{Request, Response};
use tokio::sync::Notify;

/// The step at which the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It lives to its end.
    Never,
    /// This long after its beginning.
    At(Duration),
    /// Before the nth record is written, or right after, before it is reported.
    Write(usize, When),
    /// Before the nth request has begun, or right after its answer arrived, before it is reported.
    Send(usize, When),
}

/// The moment of a death around a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the step.
    Before,
    /// After the step, before its result is reported.
    After,
}

/// The process.
#[derive(Debug)]
pub struct Process {
    death: Death,
    writes: AtomicUsize,
    sends: AtomicUsize,
    /// Notified of its death.
    pub dead: Notify,
}

impl Process {
    /// Creates a process that dies at this step.
    pub fn new(death: Death) -> Arc<Self> {
        Arc::new(Self {
            death,
            writes: AtomicUsize::new(0),
            sends: AtomicUsize::new(0),
            dead: Notify::new(),
        })
    }

    /// Returns the number of records that it began to write.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that it began to send.
    pub fn sends(&self) -> usize {
        self.sends.load(Ordering::Relaxed)
    }

    /// Dies, if this is the step.
    async fn reach(&self, step: Death) {
        if self.death == step {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a death that depends on time only.
    pub async fn expire(&self) {
        match self.death {
            Death::At(time) => tokio::time::sleep(time).await,
            _ => std::future::pending().await,
        }
    }
}

/// Filters the kept records.
type Kept = dyn Fn(Record) -> Option<Record> + Send + Sync;

/// The journal of a dying process.
pub struct DyingJournal {
    process: Arc<Process>,
    memory: Arc<MemoryJournal>,
    kept: Arc<Kept>,
    /// Dies with the process.
    lease: JournalLease,
}

impl DyingJournal {
    /// Creates the journal of a process: its records survive in `memory`.
    pub fn new(process: &Arc<Process>, memory: &Arc<MemoryJournal>) -> Self {
        Self {
            process: Arc::clone(process),
            memory: Arc::clone(memory),
            kept: Arc::new(Some),
            lease: JournalLease::of_entries(&memory.entries()),
        }
    }

    /// Keeps only what this function makes of each record.
    pub fn keep(mut self, kept: impl Fn(Record) -> Option<Record> + Send + Sync + 'static) -> Self {
        self.kept = Arc::new(kept);
        self
    }
}

impl fmt::Debug for DyingJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingJournal")
    }
}

impl Journal for DyingJournal {
    fn append(
        &self,
        at: jiff::Timestamp,
        record: Record,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            let number = self.process.writes.fetch_add(1, Ordering::Relaxed);
            let reach = |when| self.process.reach(Death::Write(number, when));
            reach(When::Before).await;
            if let Some(record) = (self.kept)(record) {
                self.memory.append(at, record).await?;
            }
            reach(When::After).await;
            Ok(())
        })
    }

    fn lease(&self) -> &JournalLease {
        &self.lease
    }
}

/// The transport of a dying process.
#[derive(Debug)]
pub struct DyingTransport {
    /// The process.
    pub process: Arc<Process>,
    /// The transport that sends its requests.
    pub inner: Arc<dyn Transport>,
}

impl Transport for DyingTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let number = self.process.sends.fetch_add(1, Ordering::Relaxed);
        if !matches!(self.process.death, Death::Send(nth, _) if nth == number) {
            return self.inner.send(request, attempt);
        }
        attempt.mark().hold();
        Box::pin(async move {
            let reach = |when| self.process.reach(Death::Send(number, when));
            reach(When::Before).await;
            let answer = self.inner.send(request, attempt).await;
            reach(When::After).await;
            answer
        })
    }
}
