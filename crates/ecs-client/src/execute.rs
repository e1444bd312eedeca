//! The retry loop.

mod attempt;
mod auth_state;
mod trace;

use std::time::Duration;

use ecs_auth::{AuthError, AuthErrorKind, BoxFuture, Credentials};
use ecs_model::Operation;
use ecs_transport::TransportErrorKind;
use jiff::SignedDuration;
use tokio::time::Instant;
use tracing::Instrument as _;

use self::auth_state::AuthState;
use crate::clock::after;
use crate::context::{RequestContext, Stopped};
use crate::policy::{Classification, RequestClass, RetryDecision};
use crate::{Client, Contained, Panicked, Problem, RequestError, StopCause};

/// The extra pause of polls after throttling.
const POLLS_LATER: Duration = Duration::from_secs(1);

/// The state of the loop between attempts.
#[derive(Default)]
struct Progress {
    auth: AuthState,
    /// The error of the last attempt.
    last: Option<RequestError>,
    /// The time since which attempts have failed without an answer.
    unanswered_since: Option<Instant>,
}

impl Progress {
    /// Returns the error of a request that is stopped before another attempt.
    fn stopped(self) -> RequestError {
        match self.last {
            Some(error) => error.with_stop_cause(StopCause::Withdrawn),
            None => RequestError::never_sent(),
        }
    }
}

/// The reason why the loop gives up.
enum End {
    Failed(RequestError),
    Stopped,
}

impl From<Stopped> for End {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<RequestError> for End {
    fn from(error: RequestError) -> Self {
        Self::Failed(error)
    }
}

impl Client {
    /// Sends a request, and retries it until it succeeds, is refused, may have been executed, or
    /// the policy gives up. Each attempt is authenticated anew and has its own time limit.
    ///
    /// # Errors
    /// The error says what the last attempt proves, and why it was not retried.
    ///
    /// ```
    /// # async fn example(client: ecs_client::Client) -> Result<(), ecs_client::RequestError> {
    /// use ecs_client::RequestContext;
    /// use ecs_model::ShowJob;
    ///
    /// let job_id = "ff80808288d41e1b018990260955686a".parse().unwrap();
    /// let job = client.execute(&ShowJob::new(job_id), &mut RequestContext::read()).await?;
    /// # let _ = job; Ok(()) }
    /// ```
    pub async fn execute<O: Operation>(
        &self,
        operation: &O,
        context: &mut RequestContext<'_>,
    ) -> Result<O::Output, RequestError> {
        let mut progress = Progress::default();
        loop {
            let span = trace::request_span::<O>(context);
            let turn = self.turn(operation, context, &mut progress);
            match turn.instrument(span).await {
                Ok(Some(output)) => return Ok(output),
                Ok(None) => {}
                Err(End::Failed(error)) => return Err(error),
                Err(End::Stopped) => return Err(progress.stopped()),
            }
        }
    }

    /// Performs one turn of the loop. `None`: the request is to be sent again now.
    async fn turn<O: Operation>(
        &self,
        operation: &O,
        context: &mut RequestContext<'_>,
        progress: &mut Progress,
    ) -> Result<Option<O::Output>, End> {
        self.wait_for_turn(context).await?;
        let credentials = self.credentials_for(&mut progress.auth);
        let credentials = match context.unless_stopped(credentials).await? {
            Ok(credentials) => credentials,
            Err(error) => {
                self.retry_credentials(error, context, progress).await?;
                return Ok(None);
            }
        };
        let check = context.before_send(self.clock().read()).await?;
        let attempt = self.attempt(operation, &credentials, check, context);
        let error = match attempt.await {
            Ok(output) => return Ok(Some(output)),
            Err(error) => error,
        };
        if progress.auth.renews_after(credentials, &error) {
            tracing::info!("credentials refused, requesting others");
            context.not_executed(&error, Some(Duration::ZERO)).await;
            progress.last = Some(error);
            return Ok(None);
        }
        self.retry_attempt(error, context, progress).await?;
        Ok(None)
    }

    /// Waits before it requests credentials again, or gives up.
    async fn retry_credentials(
        &self,
        error: RequestError,
        context: &mut RequestContext<'_>,
        progress: &mut Progress,
    ) -> Result<(), End> {
        let since = *progress.unanswered_since.get_or_insert_with(Instant::now);
        let (error, decision) = self.decide(error, context, since.elapsed());
        match decision {
            RetryDecision::RetryAfter(pause) => self.pause(error, pause, context, progress).await,
            // Whatever the policy says of the error, this request has no credentials.
            RetryDecision::GiveUp => Err(End::Failed(
                error.with_classification(Classification::RefusedCredentials),
            )),
        }
    }

    /// Records what a failed attempt proves, and waits before the next one, or gives up.
    async fn retry_attempt(
        &self,
        error: RequestError,
        context: &mut RequestContext<'_>,
        progress: &mut Progress,
    ) -> Result<(), End> {
        let since = *progress.unanswered_since.get_or_insert_with(Instant::now);
        let answered = self.health().last_answer_to_action();
        let outage = answered.map_or(since, |answered| answered.max(since));
        if error.status().is_some() {
            progress.unanswered_since = None;
        }
        let (error, decision) = self.decide(error, context, outage.elapsed());
        let pause = match decision {
            RetryDecision::RetryAfter(pause) => Some(pause),
            RetryDecision::GiveUp => None,
        };
        context.not_executed(&error, pause).await;
        match pause {
            Some(pause) => self.pause(error, pause, context, progress).await,
            None => Err(End::Failed(error)),
        }
    }

    /// Decides what follows an error. `outage` is how long the service has not answered.
    fn decide(
        &self,
        error: RequestError,
        context: &mut RequestContext<'_>,
        outage: Duration,
    ) -> (RequestError, RetryDecision) {
        let classification = error.classification();
        let state = &mut context.state;
        state.add(classification);
        state.elapsed = context.began.elapsed();
        state.reached = self.health().is_reachable();
        state.outage = outage;
        let transport = error.problem().transport();
        state.permanent = transport.is_some_and(TransportErrorKind::is_permanent);
        let (class, state, asked) = (context.class, &context.state, error.retry_after());
        let retry = self.retry();
        let decision = self.with_rng(|rng| retry.decide(classification, class, state, asked, rng));
        if classification == Classification::Throttled
            && decision == RetryDecision::GiveUp
            && let Some(asked) = asked
        {
            return (self.throttled_until(error, asked), decision);
        }
        if classification != Classification::NotDelivered {
            return (error, decision);
        }
        let attempts = state.failures;
        let error = error.map_problem(|problem| problem.after_attempts(attempts));
        (error, decision)
    }

    /// Returns the error of a request that was throttled for longer than it waits, with the time
    /// from which the service accepts requests.
    fn throttled_until(&self, error: RequestError, asked: Duration) -> RequestError {
        let asked = asked.as_secs_f64() * self.time_factor();
        let asked = SignedDuration::try_from_secs_f64(asked).unwrap_or_default();
        let now = self.clock().now();
        let until = now.checked_add(asked).unwrap_or(now);
        let message = format!("the service accepts requests again at {until:.0} at the latest");
        error.map_problem(|problem| problem.and(&message))
    }

    /// Reports the error to the hooks and waits before the request is sent again.
    async fn pause(
        &self,
        error: RequestError,
        pause: Duration,
        context: &RequestContext<'_>,
        progress: &mut Progress,
    ) -> Result<(), End> {
        trace::retry(&error, pause);
        if error.classification() == Classification::Throttled {
            self.health().throttle_until(after(pause));
        }
        if context.class == RequestClass::Poll {
            let deferred = StopCause::Deferred(pause);
            return Err(End::Failed(error.with_stop_cause(deferred)));
        }
        context.notify_retry(&error, pause);
        progress.last = Some(error);
        context.unless_stopped(tokio::time::sleep(pause)).await?;
        Ok(())
    }

    /// Waits until the service does not throttle and the rate limit permits a request.
    async fn wait_for_turn(&self, context: &RequestContext<'_>) -> Result<(), End> {
        loop {
            self.wait_while_throttled(context).await?;
            tracing::trace!("waiting for the rate limit");
            let turn = async {
                match context.class {
                    RequestClass::Poll => self.rate_limiter().acquire_low().await,
                    RequestClass::Action | RequestClass::Read => {
                        self.rate_limiter().acquire_high().await;
                    }
                }
            };
            context.unless_stopped(turn).await?;
            // Another request may have been throttled meanwhile.
            if self.health().throttled_until().is_none() {
                return Ok(());
            }
        }
    }

    /// Waits while the service throttles. All requests of the client wait.
    async fn wait_while_throttled(&self, context: &RequestContext<'_>) -> Result<(), End> {
        while let Some(mut until) = self.health().throttled_until() {
            if context.class == RequestClass::Poll {
                // Actions go first: polls would only prolong the throttling.
                until += self.scaled(POLLS_LATER);
            }
            let bound = context.began.checked_add(self.retry().max_read_time());
            if context.class == RequestClass::Read && bound.is_some_and(|bound| until > bound) {
                let message = "throttled for longer than a read waits";
                let problem = Problem::new(message);
                return Err(RequestError::new(Classification::Throttled, problem).into());
            }
            trace::throttled(until);
            let pause = tokio::time::sleep_until(until);
            context.unless_stopped(pause).await?;
        }
        Ok(())
    }

    /// Returns the credentials of the next attempt: a replacement if the last ones were refused.
    async fn credentials_for(&self, auth: &mut AuthState) -> Result<Credentials, RequestError> {
        let provider = self.credentials();
        let answer = match auth.refused() {
            None => self.in_time(|| provider.credentials()).await.map(Some),
            Some(refused) => self.in_time(|| provider.renew(refused)).await,
        };
        auth.update(answer)
    }

    /// Limits the time of a call to the source of credentials: one that hangs counts as
    /// unavailable.
    pub(crate) async fn in_time<'a, T>(
        &self,
        ask: impl FnOnce() -> BoxFuture<'a, Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        let limit = self.attempt_timeout();
        let answer = tokio::time::timeout(limit, Contained::new(ask)).await;
        let answer = answer.map(|contained| {
            contained.unwrap_or_else(|Panicked| {
                let message = "the source of credentials panicked";
                Err(AuthError::new(AuthErrorKind::Unavailable, message))
            })
        });
        answer.unwrap_or_else(|_| {
            let message = format!("the source of credentials gave no answer within {limit:?}");
            Err(AuthError::new(AuthErrorKind::Unavailable, message))
        })
    }
}

#[cfg(test)]
mod tests;
