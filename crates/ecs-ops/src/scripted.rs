//! A scripted service for the tests of the retry loop and of runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::ServerId;
use ecs_transport::{Attempt, Delivery, FnTransport, TransportError, TransportErrorKind};
use http::StatusCode;

use crate::{Client, ClientBuilder, Endpoint, Report};

pub(crate) const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;
pub(crate) const DONE: &str = r#"{"status":"SUCCESS","entities":{}}"#;
pub(crate) const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCC";

/// What the scripted service does with a POST.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Answer(u16, &'static str),
    Fail(TransportErrorKind, Delivery),
    /// Never answers; whether it says when something is sent, and whether it has been.
    Hang {
        tells: bool,
        sent: bool,
    },
}

pub(crate) fn answer(status: u16, body: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A client of a service that does these things with its POSTs, the last one again and again, and a count of them.
pub(crate) fn client_of(script: Vec<Does>) -> (ClientBuilder, Arc<AtomicUsize>) {
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&posts);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, attempt: Attempt| {
        let does = (request.method() == http::Method::POST).then(|| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            script[number.min(script.len() - 1)].clone()
        });
        async move {
            match does {
                None => Ok(answer(200, DONE)),
                Some(Does::Answer(status, body)) => Ok(answer(status, body)),
                Some(Does::Fail(kind, delivery)) => Err(TransportError::new(kind, delivery)),
                Some(Does::Hang { tells, sent }) => {
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
    (builder, posts)
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
