//! What to do after an attempt: pure decisions, no clock, no I/O.
//!
//! [`judge`] says what an outcome proves, [`RetryPolicy::decide`] says what follows. An action (a request that is not
//! idempotent) is sent again only after [`Judgement::NotDelivered`] and [`Judgement::Throttled`]; everything that
//! proves nothing is [`Judgement::Unknown`], and the end.

use std::time::Duration;

use ecs_model::{Executed, Idempotency, ResponseError, ResponseErrorKind};
use ecs_transport::Delivery;
use rand::{Rng, RngExt};

/// How an attempt ended, as far as deciding needs it.
#[derive(Clone, Copy, Debug)]
pub enum AttemptOutcome<'a> {
    /// The answer was what was asked for.
    Success,
    /// An answer came, and it is an error.
    Answered(&'a ResponseError),
    /// No whole answer came: the transport failed, or the attempt's time ran out.
    Failed(Delivery),
}

/// What the outcome of an attempt proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Done.
    Done,
    /// Certain: the service did not see it.
    NotDelivered,
    /// Certain: the service did not execute it and asks for patience.
    Throttled,
    /// Certain: the service did not execute it and will not.
    Refused,
    /// Certain: not executed, because of who asks.
    RefusedCredentials,
    /// A read that failed in a way that time may heal.
    Transient,
    /// An action that may or may not have been executed.
    Unknown,
}

impl Judgement {
    /// Whether it is certain that the request was not executed.
    pub fn proves_not_executed(self) -> bool {
        match self {
            Self::NotDelivered | Self::Throttled | Self::Refused | Self::RefusedCredentials => true,
            Self::Done | Self::Transient | Self::Unknown => false,
        }
    }
}

/// Says what an outcome proves.
///
/// ```
/// use ecs_model::{Idempotency, ResponseError};
/// use ecs_ops::policy::{AttemptOutcome, Judgement, judge};
/// use http::{HeaderMap, StatusCode};
///
/// let gateway = ResponseError::parse(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>");
/// let outcome = AttemptOutcome::Answered(&gateway);
/// assert_eq!(judge(Idempotency::NotIdempotent, outcome), Judgement::Unknown);
/// assert_eq!(judge(Idempotency::Idempotent, outcome), Judgement::Transient);
/// ```
pub fn judge(idempotency: Idempotency, outcome: AttemptOutcome<'_>) -> Judgement {
    match (idempotency, outcome) {
        (_, AttemptOutcome::Success) => Judgement::Done,
        (_, AttemptOutcome::Failed(Delivery::NotSent)) => Judgement::NotDelivered,
        (Idempotency::Idempotent, AttemptOutcome::Failed(Delivery::MaybeSent)) => {
            Judgement::Transient
        }
        (Idempotency::NotIdempotent, AttemptOutcome::Failed(Delivery::MaybeSent)) => {
            Judgement::Unknown
        }
        (Idempotency::Idempotent, AttemptOutcome::Answered(error)) => judge_read(error),
        (Idempotency::NotIdempotent, AttemptOutcome::Answered(error)) => judge_action(error),
    }
}

fn judge_action(error: &ResponseError) -> Judgement {
    let documented = error.info().map(|info| info.disposition);
    match error.status().as_u16() {
        429 => Judgement::Throttled,
        // A success without a job id is acceptance or not; only "flow limit exceeded" is clear.
        200..=299 => match documented {
            Some(code) if code.throttling && code.executed == Executed::No => Judgement::Throttled,
            _ => Judgement::Unknown,
        },
        // Whatever the body says: something failed while, before or after it worked.
        500 | 502 | 503 | 504 => Judgement::Unknown,
        status => match documented {
            Some(code) if code.executed == Executed::Maybe => Judgement::Unknown,
            Some(code) if code.throttling => Judgement::Throttled,
            Some(code) if code.credentials => Judgement::RefusedCredentials,
            Some(_) => Judgement::Refused,
            None => match status {
                401 | 403 => Judgement::RefusedCredentials,
                // Gave up waiting for us, or for the service behind.
                408 | 499 => Judgement::Unknown,
                400..=498 => Judgement::Refused,
                // "Send it elsewhere": not executed here, and we don't follow.
                307 | 308 => Judgement::Refused,
                _ => Judgement::Unknown,
            },
        },
    }
}

fn judge_read(error: &ResponseError) -> Judgement {
    if error.is_throttling() {
        return Judgement::Throttled;
    }
    if error.is_credentials() {
        return Judgement::RefusedCredentials;
    }
    let documented = error.info().map(|info| info.disposition);
    match (error.status().as_u16(), documented) {
        (408 | 499 | 500..=599, _) => Judgement::Transient,
        (_, Some(code)) if code.retryable => Judgement::Transient,
        (_, Some(_)) => Judgement::Refused,
        (_, None) if error.kind() == ResponseErrorKind::Unreadable => Judgement::Transient,
        (_, None) => Judgement::Refused,
    }
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send it again after this time.
    RetryAfter(Duration),
    /// It is over, with this judgement.
    End,
}

/// What happened to a request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts that ended as [`Judgement::NotDelivered`] or [`Judgement::Transient`].
    pub failures: u32,
    /// Attempts that ended as [`Judgement::Throttled`].
    pub throttles: u32,
}

/// How often and how fast a request is sent again.
///
/// ```
/// use std::time::Duration;
/// use ecs_ops::RetryPolicy;
///
/// let policy = RetryPolicy::default().with_max_failures(8);
/// assert_eq!(policy.base(), Duration::from_millis(500));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    base: Duration,
    ceiling: Duration,
    throttle_base: Duration,
    throttle_ceiling: Duration,
    max_failures: u32,
}

impl Default for RetryPolicy {
    /// Failures: up to 5 attempts, 0.5 s doubling to 20 s. Throttling: without an end, 2 s doubling to 60 s.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            ceiling: Duration::from_secs(20),
            throttle_base: Duration::from_secs(2),
            throttle_ceiling: Duration::from_secs(60),
            max_failures: 5,
        }
    }
}

impl RetryPolicy {
    /// After how many attempts that were not delivered an action gives up, and a read outside of a wait too.
    /// At least 1.
    #[must_use]
    pub fn with_max_failures(mut self, attempts: u32) -> Self {
        self.max_failures = attempts.max(1);
        self
    }

    /// The pauses after failures: the first is at most `base`, each further one at most twice the one before, never
    /// more than `ceiling`. Each is drawn evenly from zero up ("full jitter").
    #[must_use]
    pub fn with_backoff(mut self, base: Duration, ceiling: Duration) -> Self {
        self.base = base;
        self.ceiling = ceiling.max(base);
        self
    }

    /// The bound of the first pause after a failure.
    pub fn base(&self) -> Duration {
        self.base
    }

    /// After how many attempts that were not delivered it gives up.
    pub fn max_failures(&self) -> u32 {
        self.max_failures
    }

    /// The same policy for a service whose clock runs `factor` times as fast.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let scale = |duration: Duration| crate::clock::scale(duration, factor);
        Self {
            base: scale(self.base),
            ceiling: scale(self.ceiling),
            throttle_base: scale(self.throttle_base),
            throttle_ceiling: scale(self.throttle_ceiling),
            max_failures: self.max_failures,
        }
    }

    /// What follows a judgement. `history` includes the attempt that was judged; `asked` is the pause that the service
    /// asked for, honoured as a minimum; `patient` reads have no limit of failures (their deadline bounds them).
    pub fn decide(
        &self,
        judgement: Judgement,
        history: History,
        asked: Option<Duration>,
        patient: bool,
        rng: &mut impl Rng,
    ) -> Next {
        match judgement {
            Judgement::Throttled => {
                let drawn = jittered(
                    self.throttle_base,
                    self.throttle_ceiling,
                    history.throttles,
                    rng,
                );
                Next::RetryAfter(match asked {
                    // Spread those who were told the same time.
                    Some(asked) => asked.saturating_add(drawn.min(self.throttle_base)),
                    None => drawn.max(self.throttle_base / 2),
                })
            }
            Judgement::NotDelivered | Judgement::Transient
                if patient || history.failures < self.max_failures =>
            {
                let drawn = jittered(self.base, self.ceiling, history.failures, rng);
                Next::RetryAfter(asked.map_or(drawn, |asked| asked.max(drawn)))
            }
            _ => Next::End,
        }
    }
}

/// The pause in the words of a gateway that throttles, as in `Throttled by user … limit:1000,time:1 minute`: the whole
/// window, since nobody says how much of it is over. At most an hour.
///
/// ```
/// use std::time::Duration;
/// use ecs_ops::policy::pause_in_words;
///
/// let words = "policy user over ratelimit,limit:60,time:1 minute";
/// assert_eq!(pause_in_words(words), Some(Duration::from_secs(60)));
/// ```
pub fn pause_in_words(words: &str) -> Option<Duration> {
    let (_, rest) = words.split_once("limit:")?;
    let (limit, rest) = rest.split_once(',')?;
    let _: u64 = limit.trim().parse().ok()?;
    let rest = rest.trim_start().strip_prefix("time:")?.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = rest.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let seconds = [("second", 1), ("minute", 60), ("hour", 3600)]
        .iter()
        .find_map(|(name, seconds)| unit.starts_with(name).then_some(*seconds))?;
    Some(Duration::from_secs(
        number.saturating_mul(seconds).min(3600),
    ))
}

/// Evenly from zero to `base` doubled for each time but the first, at most `ceiling`.
fn jittered(base: Duration, ceiling: Duration, times: u32, rng: &mut impl Rng) -> Duration {
    let doubled = base.saturating_mul(
        1_u32
            .checked_shl(times.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    doubled.min(ceiling).mul_f64(rng.random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests;
