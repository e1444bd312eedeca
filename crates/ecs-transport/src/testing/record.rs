//! A record of another transport's exchanges.

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};

use super::{Exchange, lock};
use crate::redact::Headers;
use crate::{Attempt, BoxFuture, Delivery, Transport, TransportErrorKind};

/// A transport that records every request and its outcome and otherwise behaves as the wrapped one.
/// Clones share the record.
///
/// ```
/// use bytes::Bytes;
/// use ecs_transport::testing::{RecordingTransport, ScriptedTransport};
/// use ecs_transport::{Attempt, Transport};
///
/// let script = ScriptedTransport::new().respond(http::StatusCode::ACCEPTED, "");
/// let transport = RecordingTransport::new(script);
/// # futures_util::FutureExt::now_or_never(async {
/// let request = http::Request::get("http://ecs.example/").header("X-Auth-Token", "t0k3n").body(Bytes::new())?;
/// transport.send(request, &Attempt::first()).await?;
///
/// let record = transport.record();
/// assert_eq!(record[0].request().headers()["x-auth-token"], "t0k3n");
/// assert!(!format!("{record:?}").contains("t0k3n")); // safe to print in a failing test
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct RecordingTransport<T> {
    inner: T,
    record: Record,
}

type Record = Arc<Mutex<Vec<Recorded>>>;

impl<T: Transport> RecordingTransport<T> {
    /// Wraps a transport.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            record: Record::default(),
        }
    }
}

impl<T> RecordingTransport<T> {
    /// Returns the wrapped transport.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Returns all calls so far, in order.
    pub fn record(&self) -> Vec<Recorded> {
        lock(&self.record).clone()
    }

    /// Returns the requests so far, in the order of the calls.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        lock(&self.record)
            .iter()
            .map(|recorded| recorded.request.clone())
            .collect()
    }

    /// Returns the number of calls so far.
    pub fn calls(&self) -> usize {
        lock(&self.record).len()
    }
}

impl<T: fmt::Debug> fmt::Debug for RecordingTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingTransport")
            .field("inner", &self.inner)
            .field("record", &*lock(&self.record))
            .finish()
    }
}

impl<T: Transport> Transport for RecordingTransport<T> {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Exchange> {
        let entry = {
            let mut record = lock(&self.record);
            record.push(Recorded {
                attempt: attempt.number(),
                request: request.clone(),
                outcome: Outcome::Pending,
            });
            Entry {
                record: &self.record,
                index: record.len() - 1,
            }
        };
        Box::pin(async move {
            let exchange = self.inner.send(request, attempt).await;
            entry.set(match &exchange {
                Ok(response) => Outcome::Response(response.clone()),
                Err(error) => Outcome::Failed {
                    kind: error.kind(),
                    delivery: error.delivery(),
                    message: error.to_string(),
                },
            });
            exchange
        })
    }
}

struct Entry<'a> {
    record: &'a Mutex<Vec<Recorded>>,
    index: usize,
}

impl Entry<'_> {
    fn set(&self, outcome: Outcome) {
        if let Some(recorded) = lock(self.record).get_mut(self.index) {
            recorded.outcome = outcome;
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(recorded) = lock(self.record).get_mut(self.index)
            && matches!(recorded.outcome, Outcome::Pending)
        {
            recorded.outcome = Outcome::Dropped;
        }
    }
}

/// A call. `Debug` masks headers that hold secrets and shows no bodies.
#[derive(Clone)]
pub struct Recorded {
    attempt: u32,
    request: Request<Bytes>,
    outcome: Outcome,
}

impl Recorded {
    /// Returns the number of the attempt.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the request as it was given.
    pub fn request(&self) -> &Request<Bytes> {
        &self.request
    }

    /// Returns the outcome of the call.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("attempt", &self.attempt)
            .field("method", self.request.method())
            .field("uri", self.request.uri())
            .field("headers", &Headers(self.request.headers()))
            .field("body_len", &self.request.body().len())
            .field("outcome", &self.outcome)
            .finish()
    }
}

/// The outcome of one call. `Debug` masks headers that hold secrets and shows no bodies.
#[derive(Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The call has not ended.
    Pending,
    /// A complete response.
    Response(Response<Bytes>),
    /// An error.
    Failed {
        /// Its class.
        kind: TransportErrorKind,
        /// The delivery of the request.
        delivery: Delivery,
        /// The error as text.
        message: String,
    },
    /// The caller dropped the future before it was done.
    Dropped,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("Pending"),
            Self::Dropped => f.write_str("Dropped"),
            Self::Response(response) => f
                .debug_struct("Response")
                .field("status", &response.status())
                .field("headers", &Headers(response.headers()))
                .field("body_len", &response.body().len())
                .finish(),
            Self::Failed {
                kind,
                delivery,
                message,
            } => f
                .debug_struct("Failed")
                .field("kind", kind)
                .field("delivery", delivery)
                .field("message", message)
                .finish(),
        }
    }
}
