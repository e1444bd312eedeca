//! One attempt: authenticated anew, with its own time limit.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{Credentials, Signed};
use ecs_model::{Idempotency, Operation, ResponseError};
use ecs_transport::{Attempt, Delivery, SendCheck, SendMark, TransportError, TransportErrorKind};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::trace::AttemptTrace;
use crate::clock::ClockReading;
use crate::context::RequestContext;
use crate::freshness::{Stale, stale};
use crate::policy::{
    AttemptOutcome, Classification, RequestClass, classify, parse_throttle_message,
};
use crate::{Client, Contained, Endpoint, Panicked, RequestError};

/// The header with the project's id. Signed requests sign it.
const PROJECT_ID: http::HeaderName = http::HeaderName::from_static("x-project-id");

/// The extra time in which a transport may report its own, more precise error.
const GRACE: Duration = Duration::from_secs(1);

impl Client {
    /// Makes one attempt.
    pub(super) async fn attempt<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
        check: Option<SendCheck>,
        context: &mut RequestContext<'_>,
    ) -> Result<O::Output, RequestError> {
        let request = match self.request(operation, credentials) {
            Ok((request, _)) => request,
            Err(error) => return Err(classified::<O>(error, self.clock().read())),
        };
        let asked = request.uri().clone();
        let number = context.attempts.saturating_add(1);
        let mut attempt = Attempt::new(number)
            .with_operation(O::NAME)
            .with_timeout(self.attempt_timeout());
        if let Some(check) = check {
            attempt = attempt.with_send_check(check);
        }
        let sent = self.clock().read();
        context.attempt_started(attempt.mark(), sent);
        let trace = AttemptTrace::start(O::METHOD, &asked, &attempt, context.class, credentials);
        let error = match self.exchange(request, &attempt).await {
            Ok(response) => {
                context.stale = self.staleness(response.headers(), sent, context.class);
                if context.stale.as_ref().is_none_or(Stale::has_a_true_date) {
                    self.clock().observe(response.headers(), sent.local);
                }
                self.health().answered(context.is_action());
                match O::decode(response.status(), response.headers(), response.body()) {
                    Ok(output) => {
                        trace.succeeded(&response);
                        self.health().accept_credentials();
                        if !context.is_action() && context.stale.is_none() {
                            self.health().identified();
                        }
                        return Ok(output);
                    }
                    Err(error) => self.refused::<O>(&error, &asked, sent).masked(credentials),
                }
            }
            Err(error) => classified::<O>(error, sent),
        };
        trace.failed(&error);
        // A page of an intermediary says nothing about the credentials.
        if error.is_authentic()
            && error.status().is_some()
            && error.classification() != Classification::RefusedCredentials
        {
            self.health().accept_credentials();
        }
        context.attempt_failed(&error);
        Err(error)
    }

    /// Sends a request within the time limit of an attempt.
    pub(crate) async fn exchange(
        &self,
        request: http::Request<Bytes>,
        attempt: &Attempt,
    ) -> Result<http::Response<Bytes>, TransportError> {
        // Not every transport checks this.
        attempt.check()?;
        // Also if the run ends meanwhile: whatever the transport leaves behind sends nothing.
        let _closed = ClosedAtEnd(attempt.mark());
        let exchange = Contained::new(|| self.transport().send(request, attempt));
        let limit = self.attempt_timeout();
        let answer = tokio::time::timeout(limit.saturating_add(GRACE), exchange).await;
        let answer = answer.map(|contained| {
            // The panic's message may hold the request, and so a secret.
            contained.unwrap_or_else(|Panicked| {
                let delivery = attempt.mark().delivery();
                let error = TransportError::new(TransportErrorKind::Other, delivery);
                Err(error.with_detail("the transport panicked"))
            })
        });
        let answer = answer.unwrap_or_else(|_| {
            attempt.mark().close();
            let message = format!("no answer within {limit:?}");
            let delivery = attempt.mark().delivery();
            Err(TransportError::new(TransportErrorKind::Timeout, delivery).with_detail(message))
        });
        answer.map_err(|error| believe_evidence(error, attempt.mark()))
    }

    /// Returns the error of an attempt that was answered with an error; `asked` is the request's
    /// URI.
    fn refused<O: Operation>(
        &self,
        error: &ResponseError,
        asked: &Uri,
        sent: ClockReading,
    ) -> RequestError {
        let moved_to = self.moved_to(error, asked);
        // 303 leads to the result of a request that was executed (RFC 9110, section 15.4.4).
        let may_be_executed =
            O::IDEMPOTENCY == Idempotency::NotIdempotent && error.status() == StatusCode::SEE_OTHER;
        let moved_to = moved_to.filter(|_| !may_be_executed);
        let outcome = match moved_to {
            Some(_) => AttemptOutcome::Redirected,
            None => AttemptOutcome::Answered(error),
        };
        let classification = classify(O::IDEMPOTENCY, outcome);
        let refused = RequestError::of_answer(classification, error, moved_to.as_ref());
        sent_then(refused.with_retry_after(self.retry_after(error)), sent)
    }

    /// Returns the new address of the whole site, if the answer to a request to `asked` is a
    /// redirect that names one.
    pub(crate) fn moved_to(&self, error: &ResponseError, asked: &Uri) -> Option<Endpoint> {
        let redirects = matches!(error.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        let location = error.location().filter(|_| redirects)?;
        self.endpoint().moved(asked, location)
    }

    /// Returns why an answer is not current; `sent` is when its request was sent. Caches do not
    /// keep answers to actions. The ids of polls are not kept, since there are many.
    fn staleness(
        &self,
        headers: &HeaderMap,
        sent: ClockReading,
        class: RequestClass,
    ) -> Option<Stale> {
        if class == RequestClass::Action {
            return None;
        }
        let repeated = if class == RequestClass::Read {
            self.seen_ids().repeated(headers)
        } else {
            None
        };
        let asked_at = self.clock().remote_at_least(sent.local);
        stale(headers, asked_at).or(repeated)
    }

    /// Builds the request and signs it.
    pub(crate) fn request<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
    ) -> Result<(http::Request<Bytes>, Option<Signed>), TransportError> {
        let mut request = operation.encode(self.project());
        *request.uri_mut() = self.endpoint().absolute(request.uri()).map_err(|error| {
            let delivery = Delivery::NotSent;
            TransportError::new(TransportErrorKind::Request, delivery).with_source(error)
        })?;
        let headers = request.headers_mut();
        headers.insert(http::header::USER_AGENT, self.user_agent());
        headers.insert(PROJECT_ID, self.project_header());
        let signed = credentials.authenticate(&mut request, self.clock().now());
        if O::IDEMPOTENCY == Idempotency::Idempotent {
            // Not signed, so that a proxy may change it.
            let no_cache = HeaderValue::from_static("no-cache");
            request.headers_mut().insert(CACHE_CONTROL, no_cache);
        }
        Ok((request, signed))
    }

    /// Returns the pause that the service requests, in a header or in its message.
    fn retry_after(&self, error: &ResponseError) -> Option<Duration> {
        let header = || self.clock().retry_after(error.retry_after()?);
        let message = || parse_throttle_message(error.message()?);
        header().or_else(message).map(|pause| self.scaled(pause))
    }
}

/// Closes an attempt that has ended, or that nobody waits for any more.
struct ClosedAtEnd<'a>(&'a SendMark);

impl Drop for ClosedAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Corrects the error of a transport that reports that nothing was sent after it marked the request
/// as sent, or with a part of an answer. One of the two is wrong, and only "sent" is safe.
fn believe_evidence(error: TransportError, mark: &SendMark) -> TransportError {
    let answered = error.head().is_some()
        || matches!(
            error.kind(),
            TransportErrorKind::BodyCut | TransportErrorKind::TooLarge
        );
    let detail = if !error.is_not_sent() {
        return error;
    } else if mark.is_set() {
        "the transport contradicts itself: it marked the request as sent, and then reported that nothing was sent"
    } else if answered {
        "the transport contradicts itself: it received a part of an answer, and then reported that nothing was sent"
    } else {
        return error;
    };
    let head = error
        .head()
        .map(|(status, headers)| (status, headers.clone()));
    let believed = TransportError::new(error.kind(), Delivery::MaybeSent)
        .with_detail(detail)
        .with_source(error);
    match head {
        Some((status, headers)) => believed.with_head(status, headers),
        None => believed,
    }
}

/// Returns the error of an attempt without a complete answer.
fn classified<O: Operation>(error: TransportError, sent: ClockReading) -> RequestError {
    let classification = classify(O::IDEMPOTENCY, AttemptOutcome::Failed(&error));
    sent_then(RequestError::of_transport(classification, error), sent)
}

/// Adds the time of sending to an error after which the request may have been executed.
fn sent_then(error: RequestError, sent: ClockReading) -> RequestError {
    if error.classification() == Classification::Unknown {
        error.map_problem(|problem| problem.maybe_executed(sent))
    } else {
        error
    }
}
