//! One attempt: authenticated anew, with a time limit of its own.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{Credentials, Signed};
use ecs_model::{BodyShape, Operation, ResponseError};
use ecs_transport::{Attempt, Delivery, Transport as _, TransportError, TransportErrorKind};
use http::StatusCode;

use super::scope::{Failure, Notice, Scope};
use crate::client::Inner;
use crate::clock::Moment;
use crate::policy::{AttemptOutcome, Judgement, judge, pause_in_words};
use crate::report::Problem;

/// Which project is meant: signed, where requests are signed.
const PROJECT_ID: http::HeaderName = http::HeaderName::from_static("x-project-id");

/// Beyond its own limit a transport gets this long to say itself why it failed: its words are better than ours.
const GRACE: Duration = Duration::from_secs(1);

/// How one attempt ended that was not done.
#[derive(Clone)]
pub(super) struct Missed {
    pub(super) judgement: Judgement,
    pub(super) problem: Problem,
    pub(super) status: Option<StatusCode>,
    /// Whether the answer looks like the service's own.
    pub(super) authentic: bool,
    /// The pause that the service asked for.
    pub(super) asked: Option<Duration>,
}

impl Missed {
    /// Without what the service repeats of our secrets, as it does of a request whose signature it refuses.
    fn masked(mut self, credentials: &Credentials) -> Self {
        if let Cow::Owned(masked) = credentials.mask(&self.problem.message) {
            self.problem.message = masked;
        }
        let code = self.problem.code.take();
        self.problem.code = code.map(|code| credentials.mask(&code).into_owned());
        self
    }

    pub(super) fn into_failure(self) -> Failure {
        Failure {
            status: self.status,
            authentic: self.authentic,
            ..Failure::new(self.judgement, self.problem)
        }
    }
}

impl Inner {
    /// One attempt.
    pub(super) async fn attempt<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
        scope: &mut Scope<'_>,
    ) -> Result<O::Output, Missed> {
        let request = match self.request(operation, credentials) {
            Ok((request, _)) => request,
            Err(error) => return Err(self.missed::<O>(Err(error), self.clock.moment())),
        };
        let number = scope.attempts.saturating_add(1);
        let attempt = Attempt::new(number).with_timeout(self.attempt_timeout);
        let sent = self.clock.moment();
        if let Some(action) = &mut scope.action {
            if number == 1 {
                (action.notify)(Notice::Sending);
            }
            action.flight.begin(attempt.mark(), sent);
            action.share.may_be_counted(attempt.mark().clone());
        }
        scope.attempts = number;
        let missed = match self.exchange(request, &attempt).await {
            Ok(response) => {
                self.clock.observe(response.headers(), sent.ours);
                self.contact.answered(scope.action.is_some());
                match O::decode(response.status(), response.headers(), response.body()) {
                    Ok(output) => {
                        self.contact.welcomed();
                        return Ok(output);
                    }
                    Err(error) => self.missed::<O>(Ok(error), sent).masked(credentials),
                }
            }
            Err(error) => self.missed::<O>(Err(error), sent),
        };
        if missed.status.is_some() && missed.judgement != Judgement::RefusedCredentials {
            self.contact.welcomed();
        }
        if missed.judgement.proves_not_executed()
            && let Some(action) = &mut scope.action
        {
            action.flight.not_executed(&missed.problem);
            action.share.not_counted();
        }
        Err(missed)
    }

    pub(super) async fn exchange(
        &self,
        request: http::Request<Bytes>,
        attempt: &Attempt,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let exchange = self.transport.send(request, attempt);
        let limit = self.attempt_timeout.saturating_add(GRACE);
        let answer = tokio::time::timeout(limit, exchange).await;
        answer.unwrap_or_else(|_| {
            let words = format!("no answer within {:?}", self.attempt_timeout);
            let delivery = attempt.mark().delivery();
            Err(TransportError::new(TransportErrorKind::Timeout, delivery).with_detail(words))
        })
    }

    fn missed<O: Operation>(
        &self,
        ended: Result<ResponseError, TransportError>,
        sent: Moment,
    ) -> Missed {
        let (outcome, problem) = match &ended {
            Ok(error) => (AttemptOutcome::Answered(error), Problem::of_answer(error)),
            Err(error) => (AttemptOutcome::Failed(error), Problem::of_transport(error)),
        };
        let judgement = judge(O::IDEMPOTENCY, outcome);
        Missed {
            judgement,
            problem: match judgement {
                Judgement::Unknown => problem.maybe_executed(sent),
                _ => problem,
            },
            asked: ended.as_ref().ok().and_then(|error| self.asked(error)),
            authentic: ended
                .as_ref()
                .is_ok_and(|error| *error.shape() == BodyShape::Json),
            status: ended.ok().map(|error| error.status()),
        }
    }

    /// The request, and what of it was signed.
    pub(super) fn request<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
    ) -> Result<(http::Request<Bytes>, Option<Signed>), TransportError> {
        let mut request = operation.encode(&self.project);
        *request.uri_mut() = self.endpoint.absolute(request.uri()).map_err(|error| {
            let delivery = Delivery::NotSent;
            TransportError::new(TransportErrorKind::Request, delivery).with_source(error)
        })?;
        let headers = request.headers_mut();
        headers.insert(http::header::USER_AGENT, self.user_agent.clone());
        headers.insert(PROJECT_ID, self.project_id.clone());
        let signed = credentials.authenticate(&mut request, self.clock.now());
        Ok((request, signed))
    }

    fn asked(&self, error: &ResponseError) -> Option<Duration> {
        let header = || self.clock.retry_after(error.retry_after()?);
        let words = || pause_in_words(error.message()?);
        header().or_else(words).map(|pause| self.scaled(pause))
    }
}
