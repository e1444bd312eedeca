//! One attempt: authenticated anew, with its own time limit.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{Credentials, Signed};
use ecs_model::{Operation, ResponseError};
use ecs_transport::{Attempt, Delivery, TransportError, TransportErrorKind};

use crate::clock::ClockReading;
use crate::context::RequestContext;
use crate::policy::{AttemptOutcome, Classification, classify, parse_throttle_message};
use crate::{Client, RequestError};

/// The project's header: part of the signature of signed requests.
const PROJECT_ID: http::HeaderName = http::HeaderName::from_static("x-project-id");

/// The extra time for a transport to report itself why it failed, since it knows more.
const GRACE: Duration = Duration::from_secs(1);

impl Client {
    /// One attempt.
    pub(super) async fn attempt<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
        context: &mut RequestContext<'_>,
    ) -> Result<O::Output, RequestError> {
        let request = match self.request(operation, credentials) {
            Ok((request, _)) => request,
            Err(error) => return Err(classified::<O>(error, self.clock().read())),
        };
        let number = context.attempts.saturating_add(1);
        let attempt = Attempt::new(number).with_timeout(self.attempt_timeout());
        let sent = self.clock().read();
        context.attempt_started(attempt.mark(), sent);
        let error = match self.exchange(request, &attempt).await {
            Ok(response) => {
                self.clock().observe(response.headers(), sent.local);
                self.health().answered(context.is_action());
                match O::decode(response.status(), response.headers(), response.body()) {
                    Ok(output) => {
                        self.health().accept_credentials();
                        return Ok(output);
                    }
                    Err(error) => self.refused::<O>(&error, sent).masked(credentials),
                }
            }
            Err(error) => classified::<O>(error, sent),
        };
        if error.status().is_some() && error.classification() != Classification::RefusedCredentials
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
        let exchange = self.transport().send(request, attempt);
        let limit = self.attempt_timeout();
        let answer = tokio::time::timeout(limit.saturating_add(GRACE), exchange).await;
        answer.unwrap_or_else(|_| {
            let message = format!("no answer within {limit:?}");
            let delivery = attempt.mark().delivery();
            Err(TransportError::new(TransportErrorKind::Timeout, delivery).with_detail(message))
        })
    }

    /// The service answered with an error.
    fn refused<O: Operation>(&self, error: &ResponseError, sent: ClockReading) -> RequestError {
        let classification = classify(O::IDEMPOTENCY, AttemptOutcome::Answered(error));
        let refused = RequestError::of_answer(classification, error);
        sent_then(refused.with_retry_after(self.retry_after(error)), sent)
    }

    /// The request and its signed parts.
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
        Ok((request, signed))
    }

    /// The pause that the service asks for, in a header or in its message.
    fn retry_after(&self, error: &ResponseError) -> Option<Duration> {
        let header = || self.clock().retry_after(error.retry_after()?);
        let message = || parse_throttle_message(error.message()?);
        header().or_else(message).map(|pause| self.scaled(pause))
    }
}

/// The error of an attempt without a complete answer.
fn classified<O: Operation>(error: TransportError, sent: ClockReading) -> RequestError {
    let classification = classify(O::IDEMPOTENCY, AttemptOutcome::Failed(&error));
    sent_then(RequestError::of_transport(classification, error), sent)
}

/// Adds the time of sending, if it may have been executed.
fn sent_then(error: RequestError, sent: ClockReading) -> RequestError {
    if error.classification() == Classification::Unknown {
        error.map_problem(|problem| problem.maybe_executed(sent))
    } else {
        error
    }
}
