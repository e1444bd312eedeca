//! The one retry loop.

mod attempt;
mod flight;
mod probe;
mod scope;

use std::error::Error as _;
use std::time::Duration;

use ecs_auth::{AuthError, AuthErrorKind, Credentials, Refusal};
use ecs_model::Operation;
use ecs_transport::{TransportError, TransportErrorKind};
use http::StatusCode;
use tokio::time::Instant;

use self::attempt::Missed;
use self::scope::Stopped;
use crate::client::Inner;
use crate::clock::after;
use crate::error::chain;
use crate::policy::{Effort, Judgement, Next};
use crate::report::Problem;

pub(crate) use flight::Flight;
pub use probe::{Probe, ProbeEnd};
pub(crate) use scope::{ActionScope, Ending, Failure, Notice, Scope};

/// How much longer than actions looks keep silent after throttling.
const ACTIONS_FIRST: Duration = Duration::from_secs(1);

/// Whose credentials the attempts of a request carry.
struct Who {
    /// Credentials that were refused, in place of which others are asked for.
    refused: Option<(Credentials, Missed)>,
    /// Once, until something else happens than a refusal.
    may_renew: bool,
}

impl Inner {
    /// Sends a request until it is done, refused, of unknown fate, or the policy gives up. Each attempt is
    /// authenticated anew and has its own time limit.
    pub(crate) async fn execute<O: Operation>(
        &self,
        operation: &O,
        scope: &mut Scope<'_>,
    ) -> Result<O::Output, Failure> {
        let mut last: Option<Failure> = None;
        let mut silent_since: Option<Instant> = None;
        let mut who = Who {
            refused: None,
            may_renew: true,
        };
        loop {
            if self.wait_for_the_throttle(scope).await?.is_err() {
                break;
            }
            let turn = async {
                match scope.effort {
                    Effort::Watch => self.budget.look().await,
                    Effort::Action | Effort::Read => self.budget.request().await,
                }
            };
            if scope.unless_stopped(turn).await.is_err() {
                break;
            }
            if self.contact.silent_until().is_some() {
                // Another request was throttled meanwhile.
                continue;
            }
            let asked = scope.unless_stopped(self.credentials_for(&mut who)).await;
            let Ok(credentials) = asked else {
                break;
            };
            let no_credentials = credentials.is_err();
            let missed = match credentials {
                Err(missed) => missed,
                Ok(credentials) => {
                    scope.announce(self.clock.moment()).await?;
                    let missed = match self.attempt(operation, &credentials, scope).await {
                        Ok(output) => return Ok(output),
                        Err(missed) => missed,
                    };
                    if who.may_ask_for_others(credentials, &missed) {
                        let failure = missed.into_failure();
                        scope.not_executed(&failure, Some(Duration::ZERO)).await;
                        last = Some(failure);
                        continue;
                    }
                    missed
                }
            };
            let judgement = missed.judgement;
            let asked = missed.asked;
            let since = *silent_since.get_or_insert_with(Instant::now);
            let answered = self.contact.last_answer_to_an_action();
            let history = &mut scope.history;
            history.add(judgement);
            history.elapsed = scope.began.elapsed();
            history.reached = self.contact.is_reached();
            let transport = missed.problem.transport();
            history.permanent = transport.is_some_and(TransportErrorKind::is_permanent);
            history.outage = match answered {
                Some(answered) if !no_credentials => answered.max(since).elapsed(),
                _ => since.elapsed(),
            };
            if missed.status.is_some() && !no_credentials {
                silent_since = None;
            }
            let next = self.with_rng(|rng| {
                let (effort, history) = (scope.effort, &scope.history);
                self.retry.decide(judgement, effort, history, asked, rng)
            });
            let mut failure = missed.into_failure();
            if judgement == Judgement::NotDelivered {
                failure.problem = failure.problem.after_attempts(scope.history.failures);
            }
            if !no_credentials {
                let pause = match next {
                    Next::RetryAfter(pause) => Some(pause),
                    Next::End => None,
                };
                scope.not_executed(&failure, pause).await;
            }
            let Next::RetryAfter(pause) = next else {
                if no_credentials {
                    failure.judgement = Judgement::RefusedCredentials;
                }
                return Err(failure);
            };
            if judgement == Judgement::Throttled {
                self.contact.be_silent_until(after(pause));
            }
            if scope.effort == Effort::Watch {
                failure.look_again = Some(pause);
                return Err(failure);
            }
            if let Some(action) = &scope.action {
                (action.notify)(match judgement {
                    Judgement::Throttled => Notice::Throttled(failure.problem.clone(), pause),
                    _ => Notice::Retrying(failure.problem.clone(), pause),
                });
            }
            last = Some(failure);
            let pause = tokio::time::sleep(pause);
            if scope.unless_stopped(pause).await.is_err() {
                break;
            }
        }
        Err(match last {
            Some(failure) => Failure {
                ending: Ending::Withdrawn,
                ..failure
            },
            None => Failure::never_sent(),
        })
    }

    /// The credentials of the next attempt: others, if some were refused.
    async fn credentials_for(&self, who: &mut Who) -> Result<Credentials, Missed> {
        let answer = match &who.refused {
            None => self.in_time(self.credentials.credentials()).await.map(Some),
            Some((refused, _)) => self.in_time(self.credentials.renew(refused)).await,
        };
        match answer {
            Ok(Some(credentials)) => {
                who.refused = None;
                Ok(credentials)
            }
            Ok(None) => Err(who.no_others()),
            Err(error) => Err(who.none(&error)),
        }
    }

    /// A provider that hangs is one that has nothing to offer now.
    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        let answer = tokio::time::timeout(self.attempt_timeout, asking).await;
        answer.unwrap_or_else(|_| {
            let limit = self.attempt_timeout;
            let words = format!("the source of credentials gave no answer within {limit:?}");
            Err(AuthError::new(AuthErrorKind::Unavailable, words))
        })
    }

    /// Waits while the service is throttling: throttling of one request slows all.
    async fn wait_for_the_throttle(
        &self,
        scope: &Scope<'_>,
    ) -> Result<Result<(), Stopped>, Failure> {
        while let Some(mut until) = self.contact.silent_until() {
            if scope.effort == Effort::Watch {
                // Actions first: looks would only be throttled again, and all the others with them.
                until += self.scaled(ACTIONS_FIRST);
            }
            let bound = scope.began.checked_add(self.retry.max_read_time());
            if scope.effort == Effort::Read && bound.is_some_and(|bound| until > bound) {
                let words = "the service asks for less speed for longer than a read may take";
                return Err(Failure::new(Judgement::Throttled, Problem::new(words)));
            }
            let pause = tokio::time::sleep_until(until);
            if let Err(stopped) = scope.unless_stopped(pause).await {
                return Ok(Err(stopped));
            }
        }
        Ok(Ok(()))
    }
}

impl Who {
    /// Whether it is worth asking for other credentials after an attempt with these.
    fn may_ask_for_others(&mut self, credentials: Credentials, missed: &Missed) -> bool {
        if missed.status != Some(StatusCode::UNAUTHORIZED) {
            self.may_renew = true;
            return false;
        }
        if missed.judgement != Judgement::RefusedCredentials || !self.may_renew {
            return false;
        }
        self.may_renew = false;
        self.refused = Some((credentials, missed.clone()));
        true
    }

    /// There are no others in place of the refused ones.
    fn no_others(&mut self) -> Missed {
        match self.refused.take() {
            Some((_, refusal)) => refusal,
            None => without_credentials("the source has none"),
        }
    }

    /// The source failed.
    fn none(&self, error: &AuthError) -> Missed {
        let words = chain(error);
        let missed = match &self.refused {
            Some((_, refusal)) => Missed {
                problem: refusal
                    .problem
                    .clone()
                    .and(&format!("other credentials: {words}")),
                ..refusal.clone()
            },
            None => {
                let missed = without_credentials(&words);
                Missed {
                    authentic: is_clear(error),
                    problem: missed.problem.with_transport(transport_kind(error)),
                    ..missed
                }
            }
        };
        let judgement = match error.kind() {
            // It may be back soon.
            AuthErrorKind::Unavailable => Judgement::NotDelivered,
            _ => Judgement::RefusedCredentials,
        };
        Missed {
            judgement,
            ..missed
        }
    }
}

/// How the exchange with the source failed, if it was the transport that did.
fn transport_kind(error: &AuthError) -> Option<TransportErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// Whether the source itself says that it will give none, and not something on the way to it.
fn is_clear(error: &AuthError) -> bool {
    let in_words = |refusal: &Refusal| refusal.code.is_some() || refusal.message.is_some();
    !error.is_temporary() && error.refusal().is_none_or(in_words)
}

fn without_credentials(why: &str) -> Missed {
    Missed {
        judgement: Judgement::RefusedCredentials,
        problem: Problem::new(format!("no credentials: {why}")),
        status: None,
        authentic: false,
        asked: None,
    }
}

#[cfg(test)]
mod tests;
