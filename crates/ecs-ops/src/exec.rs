//! The one retry loop.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AuthError, Credentials};
use ecs_model::{Operation, ResponseError, request_id};
use ecs_transport::{
    Attempt, Delivery, SendMark, Transport as _, TransportError, TransportErrorKind,
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::batch::{Fate, NEVER_SENT};
use crate::client::Inner;
use crate::clock::retry_after;
use crate::control::{Control, Level};
use crate::error::chain;
use crate::pace::Share;
use crate::policy::{AttemptOutcome, History, Judgement, Next, judge, pause_in_words};
use crate::report::Problem;
use crate::{Error, ErrorKind};

/// Beyond its own limit a transport gets this long to say itself why it failed: its words are better than ours.
const GRACE: Duration = Duration::from_secs(1);

/// How a request ended that was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) judgement: Judgement,
    pub(crate) problem: Problem,
    /// The run was told to submit nothing more before the policy gave up.
    pub(crate) stopped: bool,
}

impl Failure {
    pub(crate) fn new(judgement: Judgement, problem: Problem) -> Self {
        Self {
            judgement,
            problem,
            stopped: false,
        }
    }

    /// Never sent: the run was told to submit nothing more.
    pub(crate) fn stopped() -> Self {
        Self {
            stopped: true,
            ..Self::new(Judgement::NotDelivered, Problem::new(NEVER_SENT))
        }
    }

    pub(crate) fn into_error(self) -> Error {
        let kind = match self.judgement {
            Judgement::Refused => ErrorKind::Refused,
            Judgement::RefusedCredentials => ErrorKind::Credentials,
            _ => ErrorKind::Unreachable,
        };
        Error::new(kind, self.problem)
    }
}

/// What is known from outside of an action that is underway, also when its future was dropped.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    underway: Option<Underway>,
    /// Why the last attempt that ended did not do it.
    problem: Option<Problem>,
}

#[derive(Debug)]
struct Underway {
    mark: SendMark,
    since: Timestamp,
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, mark: &SendMark, since: Timestamp) {
        let mark = mark.clone();
        self.lock().underway = Some(Underway { mark, since });
    }

    /// The attempt ended with the certainty that it was not executed.
    fn not_executed(&self, problem: &Problem) {
        let mut known = self.lock();
        known.underway = None;
        known.problem = Some(problem.clone());
    }

    /// What is known now.
    pub(crate) fn fate(&self) -> Fate {
        let known = self.lock();
        match &known.underway {
            Some(underway) if underway.mark.delivery() == Delivery::MaybeSent => {
                Fate::Unknown(Problem::new(format!(
                    "may have been executed: the run was stopped while the request was underway; sent at {:.0}",
                    underway.since
                )))
            }
            _ => Fate::NotExecuted(
                known
                    .problem
                    .clone()
                    .unwrap_or_else(|| Problem::new(NEVER_SENT)),
            ),
        }
    }
}

/// What the retry loop tells on the way.
#[derive(Debug)]
pub(crate) enum Notice {
    Throttled(Problem, Duration),
    Retrying(Problem, Duration),
}

/// Under which circumstances a request is executed.
pub(crate) struct Scope<'a> {
    /// A read within a wait: its failures have no limit of their own.
    patient: bool,
    action: Option<ActionScope<'a>>,
}

/// What belongs to an action: each part is told before the first byte of an attempt can leave.
pub(crate) struct ActionScope<'a> {
    pub(crate) flight: &'a Flight,
    pub(crate) share: &'a mut Share,
    pub(crate) control: &'a Control,
    pub(crate) notify: &'a (dyn Fn(Notice) + Send + Sync),
}

impl<'a> Scope<'a> {
    pub(crate) fn read() -> Self {
        Self {
            patient: false,
            action: None,
        }
    }

    pub(crate) fn patient_read() -> Self {
        Self {
            patient: true,
            action: None,
        }
    }

    pub(crate) fn action(action: ActionScope<'a>) -> Self {
        Self {
            patient: false,
            action: Some(action),
        }
    }

    /// Waits, unless the run is told to submit nothing more.
    async fn pause_until(&self, until: Instant) -> Result<(), Stopped> {
        let pause = tokio::time::sleep_until(until);
        match &self.action {
            Some(action) => tokio::select! {
                () = pause => Ok(()),
                () = action.control.reached(Level::NoMoreSubmissions) => Err(Stopped),
            },
            None => {
                pause.await;
                Ok(())
            }
        }
    }
}

struct Stopped;

/// How one attempt ended.
enum Ended<T> {
    Success(T),
    Answered(ResponseError),
    Failed(TransportError),
}

impl Inner {
    /// Sends a request until it is done, refused, of unknown fate, or the policy gives up. Each attempt is
    /// authenticated anew and has its own time limit.
    pub(crate) async fn execute<O: Operation>(
        &self,
        operation: &O,
        scope: &mut Scope<'_>,
    ) -> Result<O::Output, Failure> {
        let mut history = History::default();
        let mut last: Option<Failure> = None;
        let mut renewed: Option<Credentials> = None;
        for number in 1.. {
            if self.wait_for_the_throttle(scope).await.is_err() {
                break;
            }
            let credentials = match renewed.clone() {
                Some(credentials) => credentials,
                None => self
                    .credentials
                    .credentials()
                    .await
                    .map_err(no_credentials)?,
            };
            let request = self.request(operation, &credentials)?;
            let attempt = Attempt::new(number).with_timeout(self.attempt_timeout);
            let sent_at = self.clock.now();
            if let Some(action) = &mut scope.action {
                if action.control.level() >= Level::NoMoreSubmissions {
                    break;
                }
                action.flight.begin(attempt.mark(), sent_at);
                action.share.may_be_counted(attempt.mark().clone());
            }
            let ended = self.attempt::<O>(request, &attempt).await;
            let (judgement, problem, asked) = match &ended {
                Ended::Success(_) => (Judgement::Done, Problem::new(""), None),
                Ended::Answered(error) => (
                    judge(O::IDEMPOTENCY, AttemptOutcome::Answered(error)),
                    problem_of_answer(error),
                    self.asked(error),
                ),
                Ended::Failed(error) => (
                    judge(O::IDEMPOTENCY, AttemptOutcome::Failed(error.delivery())),
                    problem_of_transport(error),
                    None,
                ),
            };
            if let Ended::Success(output) = ended {
                return Ok(output);
            }
            if judgement.proves_not_executed()
                && let Some(action) = &mut scope.action
            {
                action.flight.not_executed(&problem);
                action.share.not_counted();
            }
            if judgement == Judgement::RefusedCredentials
                && renewed.is_none()
                && is_unauthorized(&ended)
            {
                renewed = self
                    .credentials
                    .renew(&credentials)
                    .await
                    .map_err(no_credentials)?;
                if renewed.is_some() {
                    continue;
                }
            }
            match judgement {
                Judgement::Throttled => history.throttles = history.throttles.saturating_add(1),
                _ => history.failures = history.failures.saturating_add(1),
            }
            let next = self.with_rng(|rng| {
                self.retry
                    .decide(judgement, history, asked, scope.patient, rng)
            });
            let failure = Failure::new(judgement, explain(judgement, problem, sent_at, history));
            let Next::RetryAfter(pause) = next else {
                return Err(failure);
            };
            if let Some(action) = &scope.action {
                (action.notify)(match judgement {
                    Judgement::Throttled => Notice::Throttled(failure.problem.clone(), pause),
                    _ => Notice::Retrying(failure.problem.clone(), pause),
                });
                if judgement == Judgement::Throttled {
                    self.throttle(Instant::now() + pause);
                }
            }
            last = Some(failure);
            if scope.pause_until(Instant::now() + pause).await.is_err() {
                break;
            }
        }
        Err(match last {
            Some(failure) => Failure {
                stopped: true,
                ..failure
            },
            None => Failure::stopped(),
        })
    }

    async fn attempt<O: Operation>(
        &self,
        request: http::Request<Bytes>,
        attempt: &Attempt,
    ) -> Ended<O::Output> {
        let exchange = self.transport.send(request, attempt);
        match tokio::time::timeout(self.attempt_timeout.saturating_add(GRACE), exchange).await {
            Ok(Ok(response)) => {
                match O::decode(response.status(), response.headers(), response.body()) {
                    Ok(output) => Ended::Success(output),
                    Err(error) => Ended::Answered(error),
                }
            }
            Ok(Err(error)) => Ended::Failed(error),
            Err(_) => Ended::Failed(
                TransportError::new(TransportErrorKind::Timeout, attempt.mark().delivery())
                    .with_detail(format!("no answer within {:?}", self.attempt_timeout)),
            ),
        }
    }

    fn request<O: Operation>(
        &self,
        operation: &O,
        credentials: &Credentials,
    ) -> Result<http::Request<Bytes>, Failure> {
        let mut request = operation.encode(&self.project);
        *request.uri_mut() = self.endpoint.absolute(request.uri()).map_err(|error| {
            let words = format!("the request has no valid address: {error}");
            Failure::new(Judgement::Refused, Problem::new(words))
        })?;
        let headers = request.headers_mut();
        headers.insert(http::header::USER_AGENT, self.user_agent.clone());
        credentials.authenticate(&mut request);
        Ok(request)
    }

    fn asked(&self, error: &ResponseError) -> Option<Duration> {
        let header = error
            .retry_after()
            .and_then(|header| retry_after(header, self.clock.now()));
        header.or_else(|| pause_in_words(error.message()?).map(|pause| self.scaled(pause)))
    }

    /// Throttling of one action slows all.
    fn throttle(&self, until: Instant) {
        let mut paused = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |other| other.max(until)));
    }

    async fn wait_for_the_throttle(&self, scope: &Scope<'_>) -> Result<(), Stopped> {
        while scope.action.is_some() {
            let until = *self
                .paused_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => scope.pause_until(until).await?,
                _ => break,
            }
        }
        Ok(())
    }
}

fn is_unauthorized<T>(ended: &Ended<T>) -> bool {
    matches!(ended, Ended::Answered(error) if error.status() == http::StatusCode::UNAUTHORIZED)
}

fn no_credentials(error: AuthError) -> Failure {
    let words = format!("no credentials: {}", chain(&error));
    Failure::new(Judgement::RefusedCredentials, Problem::new(words))
}

fn problem_of_answer(error: &ResponseError) -> Problem {
    let mut words = error.to_string();
    if let Some(id) = error.request_id() {
        words.push_str(&format!(" (request {id})"));
    }
    if let Some(info) = error.info() {
        words.push_str(&format!("; {}", info.advice));
    }
    Problem::new(words).with_code(error.code())
}

fn problem_of_transport(error: &TransportError) -> Problem {
    let mut words = chain(error);
    if let Some((status, headers)) = error.head() {
        words.push_str(&format!(" after HTTP {}", status.as_u16()));
        if let Some(id) = request_id(headers) {
            words.push_str(&format!(" (request {id})"));
        }
    }
    Problem::new(words)
}

/// Adds what the judgement means for whoever reads it.
fn explain(
    judgement: Judgement,
    mut problem: Problem,
    sent_at: Timestamp,
    history: History,
) -> Problem {
    match judgement {
        Judgement::Unknown => {
            problem.message = format!(
                "may have been executed: {}; sent at {sent_at:.0}",
                problem.message
            );
        }
        Judgement::NotDelivered if history.failures > 1 => {
            problem.message = format!("{} ({} attempts)", problem.message, history.failures);
        }
        _ => {}
    }
    problem
}

#[cfg(test)]
mod tests;
