//! A scripted service: a transport that performs a test's script and keeps its requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ecs_transport::{
    Attempt, Delivery, FnTransport, Transport, TransportError, TransportErrorKind,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::Instant;

/// A step of the script: what the service does with a request.
#[derive(Clone, Debug)]
pub enum Script {
    /// Answers with a status and a body.
    Answer(u16, &'static str),
    /// Answers with a status, a body and headers.
    AnswerWithHeaders(u16, String, Vec<(&'static str, &'static str)>),
    /// Fails as a transport.
    Fail(TransportErrorKind, Delivery),
    /// Never answers.
    Hang {
        /// `true` if the transport arms the mark.
        armed: bool,
        /// `true` if the transport marks the request as sent.
        sent: bool,
    },
}

/// The body of a throttled request, with any status that is documented for it.
pub const FLOW_CONTROL: &str = r#"{"error":{"code":"Common.1503","message":"flow control"}}"#;

/// Throttles the request.
pub const THROTTLED: Script = Script::Answer(429, FLOW_CONTROL);

/// Fails to connect.
pub const OUT_OF_REACH: Script = Script::Fail(TransportErrorKind::Connect, Delivery::NotSent);

/// Returns an answer. An invalid status becomes 500.
pub fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    let status = StatusCode::from_u16(status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// The requests that a scripted service has received, with their times.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<Received>>>);

/// A request and its time of arrival.
type Received = (Request<Bytes>, Instant);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Received>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of requests of this method.
    pub fn count(&self, method: Method) -> usize {
        self.times(method).len()
    }

    /// Returns the number of requests that act on servers.
    pub fn posts(&self) -> usize {
        self.count(Method::POST)
    }

    /// Returns the requests of this method.
    pub fn requests(&self, method: Method) -> Vec<Request<Bytes>> {
        let seen = self.lock();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(request, _)| request.clone()).collect()
    }

    /// Returns the times of arrival of the requests of this method.
    pub fn times(&self, method: Method) -> Vec<Instant> {
        let seen = self.lock();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(_, at)| *at).collect()
    }
}

/// Returns a service that answers by `script`, whose second argument counts the requests of the
/// same method, from 0.
pub fn service(
    script: impl Fn(&Request<Bytes>, usize) -> Script + Send + Sync + 'static,
) -> (impl Transport, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let transport = FnTransport::new(move |request: Request<Bytes>, attempt: Attempt| {
        let number = log.count(request.method().clone());
        let step = script(&request, number);
        log.lock().push((request, Instant::now()));
        perform(step, attempt)
    });
    (transport, seen)
}

async fn perform(step: Script, attempt: Attempt) -> Result<Response<Bytes>, TransportError> {
    match step {
        Script::Answer(status, body) => Ok(answer(status, body)),
        Script::AnswerWithHeaders(status, body, headers) => {
            let mut response = answer(status, &body);
            for (name, value) in headers {
                let value = HeaderValue::from_static(value);
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        }
        Script::Fail(kind, delivery) => Err(TransportError::new(kind, delivery)),
        Script::Hang { armed, sent } => {
            if armed {
                attempt.mark().hold();
            }
            if sent {
                attempt.mark().set();
            }
            std::future::pending().await
        }
    }
}
