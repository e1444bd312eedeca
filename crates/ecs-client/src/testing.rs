//! A scripted service: a transport that does what a test says, and remembers what it was sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ecs_transport::{
    Attempt, Delivery, FnTransport, Transport, TransportError, TransportErrorKind,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::Instant;

/// What the scripted service does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// It answers with a status and a body.
    Answer(u16, &'static str),
    /// It answers with a body and headers of its own.
    Says(u16, String, Vec<(&'static str, &'static str)>),
    /// The transport fails.
    Fail(TransportErrorKind, Delivery),
    /// It never answers.
    Hang {
        /// Whether the transport says when something is sent.
        tells: bool,
        /// Whether something has been sent.
        sent: bool,
    },
}

/// What the service says when it throttles, with any status that is documented for it.
pub const FLOW_CONTROL: &str = r#"{"error":{"code":"Common.1503","message":"flow control"}}"#;

/// The service throttles.
pub const THROTTLED: Does = Does::Answer(429, FLOW_CONTROL);

/// Nothing can be sent.
pub const OUT_OF_REACH: Does = Does::Fail(TransportErrorKind::Connect, Delivery::NotSent);

/// Returns an answer. A status that is none is 500.
pub fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    let status = StatusCode::from_u16(status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// The requests that a scripted service has seen, and when.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<Received>>>);

/// A request, and when it came.
type Received = (Request<Bytes>, Instant);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Received>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many, of this method.
    pub fn count(&self, method: Method) -> usize {
        self.times(method).len()
    }

    /// Returns how many that act on servers.
    pub fn posts(&self) -> usize {
        self.count(Method::POST)
    }

    /// Those of this method.
    pub fn requests(&self, method: Method) -> Vec<Request<Bytes>> {
        let seen = self.lock();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(request, _)| request.clone()).collect()
    }

    /// Returns when each of this method came.
    pub fn times(&self, method: Method) -> Vec<Instant> {
        let seen = self.lock();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(_, at)| *at).collect()
    }
}

/// Returns a service that does this with each request: the second argument counts those of the same
/// method, from 0.
pub fn service(
    does: impl Fn(&Request<Bytes>, usize) -> Does + Send + Sync + 'static,
) -> (impl Transport, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let transport = FnTransport::new(move |request: Request<Bytes>, attempt: Attempt| {
        let number = log.count(request.method().clone());
        let does = does(&request, number);
        log.lock().push((request, Instant::now()));
        perform(does, attempt)
    });
    (transport, seen)
}

async fn perform(does: Does, attempt: Attempt) -> Result<Response<Bytes>, TransportError> {
    match does {
        Does::Answer(status, body) => Ok(answer(status, body)),
        Does::Says(status, body, headers) => {
            let mut response = answer(status, &body);
            for (name, value) in headers {
                let value = HeaderValue::from_static(value);
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        }
        Does::Fail(kind, delivery) => Err(TransportError::new(kind, delivery)),
        Does::Hang { tells, sent } => {
            if tells {
                attempt.mark().hold();
            }
            if sent {
                attempt.mark().set();
            }
            std::future::pending().await
        }
    }
}
