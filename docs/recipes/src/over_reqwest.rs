//! A transport on reqwest.

use bytes::Bytes;
use ecs_transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind as Kind,
};
use reqwest::redirect::Policy;

/// A client of reqwest that sends each request once.
#[derive(Debug)]
pub struct OverReqwest {
    /// For methods that may be repeated.
    reads: reqwest::Client,
    /// For actions: a connection each, so that none is written to one that the server is closing.
    actions: reqwest::Client,
}

impl OverReqwest {
    /// # Errors
    /// The client cannot be set up.
    pub fn new() -> reqwest::Result<Self> {
        let once = || {
            reqwest::Client::builder()
                // A 307 would be followed with the same POST, and a refused connection to the second address would
                // appear as if nothing had been sent.
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
        };
        Ok(Self {
            reads: once().build()?,
            actions: once().pool_max_idle_per_host(0).build()?,
        })
    }
}

impl Transport for OverReqwest {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            // reqwest does not say when the first byte leaves, so from here on it may have left. A layer that
            // sends the attempt again stops here.
            attempt.start()?;
            let client = if request.method().is_idempotent() {
                &self.reads
            } else {
                &self.actions
            };
            let (parts, body) = request.into_parts();
            let mut outgoing = client
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body);
            if let Some(limit) = attempt.timeout() {
                outgoing = outgoing.timeout(limit);
            }
            let answer = outgoing.send().await.map_err(|error| {
                let error = failure(error);
                if error.is_not_sent() {
                    attempt.mark().retract();
                }
                error
            })?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.map_err(|error| {
                TransportError::new(Kind::BodyCut, Delivery::MaybeSent)
                    .with_source(error.without_url())
                    .with_head(status, headers.clone())
            })?;
            let mut response = http::Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}

/// `NotSent` only where reqwest raises an error before it has a connection to write to.
fn failure(error: reqwest::Error) -> TransportError {
    let (kind, delivery) = if error.is_builder() {
        (Kind::Request, Delivery::NotSent)
    } else if error.is_connect() {
        (Kind::Connect, Delivery::NotSent)
    } else if error.is_timeout() {
        (Kind::Timeout, Delivery::MaybeSent)
    } else {
        (Kind::Other, Delivery::MaybeSent)
    };
    TransportError::new(kind, delivery).with_source(error.without_url())
}
