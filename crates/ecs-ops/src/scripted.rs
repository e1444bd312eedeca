//! A scripted service for the tests of the retry loop and of runs.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::ServerId;
use ecs_transport::{Attempt, Delivery, FnTransport, TransportError, TransportErrorKind};
use http::StatusCode;
use tokio::time::Instant;

use crate::{Client, ClientBuilder, Endpoint, Report};

pub(crate) const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;
pub(crate) const DONE: &str = r#"{"status":"SUCCESS","entities":{}}"#;
pub(crate) const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCC";

/// What the scripted service does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Answer(u16, &'static str),
    /// An answer with a body and headers of its own.
    Says(u16, String, Vec<(&'static str, &'static str)>),
    Fail(TransportErrorKind, Delivery),
    /// Never answers; whether it says when something is sent, and whether it has been.
    Hang {
        tells: bool,
        sent: bool,
    },
}

pub(crate) const OUT_OF_REACH: Does = Does::Fail(TransportErrorKind::Connect, Delivery::NotSent);

pub(crate) fn answer(status: u16, body: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// The requests that a scripted service has seen, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Request>>>);

type Request = (http::Request<Bytes>, Instant);

impl Seen {
    /// How many, of this method.
    pub(crate) fn count(&self, method: http::Method) -> usize {
        self.times(method).len()
    }

    pub(crate) fn posts(&self) -> usize {
        self.count(http::Method::POST)
    }

    /// Those of this method.
    pub(crate) fn requests(&self, method: http::Method) -> Vec<http::Request<Bytes>> {
        let seen = self.0.lock().unwrap();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(request, _)| request.clone()).collect()
    }

    /// When each of this method came.
    pub(crate) fn times(&self, method: http::Method) -> Vec<Instant> {
        let seen = self.0.lock().unwrap();
        let of_method = seen
            .iter()
            .filter(|(request, _)| request.method() == method);
        of_method.map(|(_, at)| *at).collect()
    }
}

/// A client of a service that does this with each request: the second argument counts those of the same method, from 0.
pub(crate) fn service(
    does: impl Fn(&http::Request<Bytes>, usize) -> Does + Send + Sync + 'static,
) -> (ClientBuilder, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let transport = FnTransport::new(move |request: http::Request<Bytes>, attempt: Attempt| {
        let number = log.count(request.method().clone());
        let does = does(&request, number);
        log.0.lock().unwrap().push((request, Instant::now()));
        async move {
            match does {
                Does::Answer(status, body) => Ok(answer(status, body)),
                Does::Says(status, body, headers) => {
                    let mut response = answer(status, &body);
                    for (name, value) in headers {
                        response.headers_mut().insert(name, value.parse().unwrap());
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
    });
    let builder = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(1);
    (builder, seen)
}

/// A client of a service that does these things with its POSTs, the last one again and again, and whose jobs succeed.
pub(crate) fn client_of(script: Vec<Does>) -> (ClientBuilder, Seen) {
    service(move |request, number| match *request.method() {
        http::Method::POST => script[number.min(script.len() - 1)].clone(),
        _ => Does::Answer(200, DONE),
    })
}

/// The id of the job that a request asks for.
pub(crate) fn asked_job(request: &http::Request<Bytes>) -> &str {
    request.uri().path().rsplit('/').next().unwrap()
}

/// Accepts a batch as the job `job-<number>`.
pub(crate) fn accepts(number: usize) -> Does {
    Does::Says(200, format!(r#"{{"job_id":"job-{number}"}}"#), Vec::new())
}

pub(crate) fn endpoint() -> Endpoint {
    "https://ecs.example".parse().unwrap()
}

pub(crate) fn ids(count: u128) -> Vec<ServerId> {
    (1..=count)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

pub(crate) fn outcome_of(report: &Report) -> (&'static str, String) {
    let outcome = &report.servers[0].outcome;
    let words = outcome.error().map(|error| error.message.clone());
    (outcome.name(), words.unwrap_or_default())
}
