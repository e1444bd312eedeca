//! Spans and events of requests.
//!
//! Fields are ids, counts and codes. Headers, bodies and messages of the service never become
//! fields: they may hold secrets. The service's request id and error code are shown only if they
//! have the form of an id, with the secrets of the credentials masked.

use std::time::Duration;

use ecs_auth::Credentials;
use ecs_model::Operation;
use ecs_transport::Attempt;
use http::{HeaderMap, HeaderName, Method, Uri};
use tokio::time::Instant;
use tracing::{Span, debug, debug_span, info, info_span, warn};

use crate::RequestError;
use crate::context::RequestContext;
use crate::policy::{Classification, RequestClass};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of the service that is shown, in bytes.
const MAX_ID: usize = 128;

/// Returns the span of one attempt of a request, with the waits before and after it. Polls are
/// traced at a lower level: there are many.
pub(super) fn request_span<O: Operation>(context: &RequestContext<'_>) -> Span {
    let attempt = context.attempts.saturating_add(1);
    if context.class == RequestClass::Poll {
        debug_span!("request", operation = O::NAME, attempt)
    } else {
        info_span!(
            "request",
            operation = O::NAME,
            servers = context.servers,
            attempt
        )
    }
}

/// Traces that the request is sent again after `pause`.
pub(super) fn retry(error: &RequestError, pause: Duration) {
    let pause_ms = milliseconds(pause);
    if error.classification() == Classification::Throttled {
        info!(pause_ms, "request throttled, retrying after a pause");
    } else {
        info!(pause_ms, classification = ?error.classification(), "retrying after a pause");
    }
}

/// Traces that the request waits because the service throttled it or another one.
pub(super) fn throttled(until: Instant) {
    let pause_ms = milliseconds(until.saturating_duration_since(Instant::now()));
    debug!(pause_ms, "waiting while the service throttles");
}

/// The fields of the events of one attempt.
pub(super) struct AttemptTrace<'a> {
    method: Method,
    uri: &'a Uri,
    attempt: &'a Attempt,
    class: RequestClass,
    credentials: &'a Credentials,
    began: Instant,
}

impl<'a> AttemptTrace<'a> {
    /// Traces that the transport gets the attempt.
    pub(super) fn start(
        method: Method,
        uri: &'a Uri,
        attempt: &'a Attempt,
        class: RequestClass,
        credentials: &'a Credentials,
    ) -> Self {
        debug!(%method, path = uri.path(), "request started");
        Self {
            method,
            uri,
            attempt,
            class,
            credentials,
            began: Instant::now(),
        }
    }

    /// Traces that the attempt succeeded.
    pub(super) fn succeeded(&self, response: &http::Response<impl Sized>) {
        // The id is masked before the event knows whether anybody records it.
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let (method, path, ms) = (&self.method, self.uri.path(), self.elapsed_ms());
        let status = response.status().as_u16();
        let request_id = self.request_id(response.headers());
        if self.class == RequestClass::Poll {
            debug!(%method, path, status, request_id, ms, "request answered");
        } else {
            info!(%method, path, status, request_id, ms, "request answered");
        }
    }

    /// Traces that the attempt failed: whether it was sent, and what its outcome proves.
    pub(super) fn failed(&self, error: &RequestError) {
        let (method, path, ms) = (&self.method, self.uri.path(), self.elapsed_ms());
        let problem = error.problem();
        let status = problem.status();
        let request_id = problem.request_id().and_then(|id| self.id(id));
        let code = problem.code.as_deref().and_then(|code| self.id(code));
        let transport = problem.transport().map(tracing::field::debug);
        let sent = self.attempt.mark().is_set();
        let classification = error.classification();
        if classification == Classification::Unknown {
            warn!(
                %method, path, status, request_id, code, transport, ms, sent, ?classification,
                "request failed, and may have been executed"
            );
        } else {
            info!(
                %method, path, status, request_id, code, transport, ms, sent, ?classification,
                "request failed"
            );
        }
    }

    fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        self.id(headers.get(&REQUEST_ID)?.to_str().ok()?)
    }

    /// Returns a text of the service with secrets masked; `None` if it does not have the form of an
    /// id.
    fn id(&self, text: &str) -> Option<String> {
        let is_id = text.len() <= MAX_ID && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| self.credentials.mask(text).into_owned())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
