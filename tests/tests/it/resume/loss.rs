//! A process that dies at one moment of its run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_ops::journal::{Journal, JournalError, JournalLease, MemoryJournal, Record};
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_sim::SimTransport;
use http::{Method, Request, Response};
use jiff::Timestamp;
use tokio::sync::Notify;

/// The step at which the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// Before the nth record is written, or right after, before it is reported.
    Write(usize, When),
    /// Before the nth request has left, or right after it arrived, before its answer.
    Send(usize, When),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// The dying process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) death: Death,
    pub(crate) writes: AtomicUsize,
    pub(crate) sends: AtomicUsize,
    pub(crate) dead: Notify,
}

impl Process {
    pub(crate) fn new(death: Death) -> Arc<Self> {
        Arc::new(Self {
            death,
            writes: AtomicUsize::new(0),
            sends: AtomicUsize::new(0),
            dead: Notify::new(),
        })
    }

    pub(crate) async fn die(&self) {
        self.dead.notify_one();
        std::future::pending::<()>().await;
    }
}

/// The journal of a dying process: its lease dies with it.
pub(crate) struct DyingJournal(Arc<Process>, Arc<MemoryJournal>, JournalLease);

impl DyingJournal {
    pub(crate) fn new(process: &Arc<Process>, journal: &Arc<MemoryJournal>) -> Self {
        let lease = JournalLease::of_entries(&journal.entries());
        Self(Arc::clone(process), Arc::clone(journal), lease)
    }
}

impl fmt::Debug for DyingJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingJournal")
    }
}

impl Journal for DyingJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            let number = self.0.writes.fetch_add(1, Ordering::SeqCst);
            if self.0.death == Death::Write(number, When::Before) {
                self.0.die().await;
            }
            let written = self.1.append(at, record).await;
            if self.0.death == Death::Write(number, When::After) {
                self.0.die().await;
            }
            written
        })
    }

    fn lease(&self) -> &JournalLease {
        &self.2
    }
}

pub(crate) struct DyingTransport(
    pub(crate) Arc<Process>,
    pub(crate) SimTransport,
    pub(crate) Arc<AtomicBool>,
);

impl fmt::Debug for DyingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingTransport")
    }
}

impl Transport for DyingTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        attempt.mark().hold();
        Box::pin(async move {
            let number = self.0.sends.fetch_add(1, Ordering::SeqCst);
            if self.0.death == Death::Send(number, When::Before) {
                self.0.die().await;
            }
            attempt.mark().set();
            if *request.method() == Method::POST && self.2.swap(false, Ordering::SeqCst) {
                let expected = "no answer within the time limit";
                let error = TransportError::new(TransportErrorKind::Timeout, Delivery::MaybeSent);
                return Err(error.with_detail(expected));
            }
            let answer = self.1.send(request, attempt).await;
            if self.0.death == Death::Send(number, When::After) {
                self.0.die().await;
            }
            answer
        })
    }
}
