//! The retry policy: pure decisions without clock and I/O.
//!
//! [`classify`] determines what the outcome of an attempt proves, [`RetryPolicy::decide`] what
//! follows. An action (a request that is not idempotent) is retried only after
//! [`Classification::NotDelivered`] and [`Classification::Throttled`], and once with other
//! credentials after a 401. An outcome that proves nothing is [`Classification::Unknown`] and ends
//! the request.

mod classification;

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::clock::doubled;

pub use classification::{AttemptOutcome, Classification, classify};

/// The decision after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Retry after this time.
    RetryAfter(Duration),
    /// Give up, with this classification.
    GiveUp,
}

/// The class of a request, which decides how long it is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClass {
    /// A request that must not be executed twice: it waits while it is throttled, and failed
    /// delivery is retried for a while. The caller's deadline bounds it.
    Action,
    /// A query that a caller waits for.
    Read,
    /// A poll of a watched job, which is followed by another. The deadline of the wait bounds it.
    Poll,
}

/// The retry state of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryState {
    /// Attempts that ended as [`Classification::NotDelivered`] or [`Classification::Transient`].
    pub failures: u32,
    /// Attempts that ended as [`Classification::Throttled`].
    pub throttles: u32,
    /// The time since the first attempt.
    pub elapsed: Duration,
    /// `true` if the service has answered this client.
    pub reached: bool,
    /// The length of the outage: since this request first failed, or since the last answer to any
    /// request.
    pub outage: Duration,
    /// `true` if the last failure persists until a setting is changed: an untrusted certificate, a
    /// proxy that refuses
    /// ([`TransportErrorKind::is_permanent`](ecs_transport::TransportErrorKind::is_permanent)).
    pub permanent: bool,
}

impl RetryState {
    /// Adds an attempt.
    pub(crate) fn add(&mut self, classification: Classification) {
        let count = match classification {
            Classification::Throttled => &mut self.throttles,
            _ => &mut self.failures,
        };
        *count = count.saturating_add(1);
    }
}

/// The number and the pace of a request's retries.
///
/// ```
/// use std::time::Duration;
/// use ecs_client::RetryPolicy;
///
/// let policy = RetryPolicy::default().with_max_failures(8).with_max_outage(Duration::from_secs(60));
/// assert_eq!(policy.max_failures(), 8);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    base: Duration,
    ceiling: Duration,
    throttle_base: Duration,
    throttle_ceiling: Duration,
    max_failures: u32,
    max_outage: Duration,
    max_read_time: Duration,
    max_first_read_time: Duration,
    max_throttle_pause: Duration,
}

impl Default for RetryPolicy {
    /// Failures: 0.5 s doubling to 20 s; up to 5 attempts, and 5 minutes of outage in the middle of
    /// a run. Throttling: 2 s doubling to 60 s; an action gives up if the service requests more
    /// than 30 minutes. A read: 2 minutes.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            ceiling: Duration::from_secs(20),
            throttle_base: Duration::from_secs(2),
            throttle_ceiling: Duration::from_secs(60),
            max_failures: 5,
            max_outage: Duration::from_secs(300),
            max_read_time: Duration::from_secs(120),
            max_first_read_time: Duration::from_secs(120),
            max_throttle_pause: Duration::from_secs(1800),
        }
    }
}

impl RetryPolicy {
    /// Sets the number of undelivered attempts after which a read gives up, and an action if the
    /// service has never answered this client. A client refuses 0.
    #[must_use]
    pub fn with_max_failures(mut self, attempts: u32) -> Self {
        self.max_failures = attempts;
        self
    }

    /// Sets how long an undelivered action is retried once the service has answered this client.
    #[must_use]
    pub fn with_max_outage(mut self, outage: Duration) -> Self {
        self.max_outage = outage;
        self
    }

    /// Sets the time within which all attempts of a read begin.
    #[must_use]
    pub fn with_max_read_time(mut self, time: Duration) -> Self {
        self.max_read_time = time;
        self
    }

    /// Sets the time within which all undelivered attempts of a read begin while the service has
    /// never answered this client: for commands whose user waits, where the address is most likely
    /// wrong. Default: as for every read.
    #[must_use]
    pub fn with_max_first_read_time(mut self, time: Duration) -> Self {
        self.max_first_read_time = time;
        self
    }

    /// Sets the pauses after failures: the first is at most `base`, each further one at most twice
    /// the previous one and never more than `ceiling`. Each is drawn uniformly from zero up ("full
    /// jitter"). A client refuses a `base` of zero, and a `ceiling` below it.
    #[must_use]
    pub fn with_backoff(mut self, base: Duration, ceiling: Duration) -> Self {
        self.base = base;
        self.ceiling = ceiling;
        self
    }

    /// Sets the pauses after throttling in the same way, but never less than half of `base`. A
    /// pause that the service requests takes precedence: the request waits that long, and up to
    /// `base` longer.
    #[must_use]
    pub fn with_throttle_backoff(mut self, base: Duration, ceiling: Duration) -> Self {
        self.throttle_base = base;
        self.throttle_ceiling = ceiling;
        self
    }

    /// Sets the longest pause of a throttled action. If the service requests more, as with a daily
    /// limit, the action gives up, and a poll waits this long.
    #[must_use]
    pub fn with_max_throttle_pause(mut self, pause: Duration) -> Self {
        self.max_throttle_pause = pause;
        self
    }

    /// Returns the number of undelivered attempts after which a request gives up.
    pub fn max_failures(&self) -> u32 {
        self.max_failures
    }

    /// Returns the time within which all attempts of a read begin.
    pub fn max_read_time(&self) -> Duration {
        self.max_read_time
    }

    /// Returns what a client refuses: a pause that could always be zero would flood the service.
    pub(crate) fn violation(&self) -> Option<&'static str> {
        if self.base.is_zero() || self.throttle_base.is_zero() {
            Some("a pause before another attempt must not be zero")
        } else if self.ceiling < self.base || self.throttle_ceiling < self.throttle_base {
            Some("the longest pause before another attempt is shorter than the first one")
        } else if self.max_failures == 0 {
            Some("a request needs at least one attempt")
        } else {
            None
        }
    }

    /// Returns the policy for a service whose clock runs `factor` times as fast. Limits of
    /// undelivered attempts are unchanged: connections are not faster.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let scale = |duration: Duration| crate::clock::scale(duration, factor);
        Self {
            base: scale(self.base),
            ceiling: scale(self.ceiling),
            throttle_base: scale(self.throttle_base),
            throttle_ceiling: scale(self.throttle_ceiling),
            max_throttle_pause: scale(self.max_throttle_pause),
            ..self.clone()
        }
    }

    /// Returns the time within which all attempts of a read begin.
    fn read_time(&self, classification: Classification, state: &RetryState) -> Duration {
        let first = classification == Classification::NotDelivered && !state.reached;
        if first {
            self.max_read_time.min(self.max_first_read_time)
        } else {
            self.max_read_time
        }
    }

    /// Decides what follows a classification. `state` includes the classified attempt; `asked` is
    /// the pause that the service requested, a minimum.
    pub fn decide(
        &self,
        classification: Classification,
        class: RequestClass,
        state: &RetryState,
        asked: Option<Duration>,
        rng: &mut impl Rng,
    ) -> RetryDecision {
        let pause = match classification {
            Classification::Throttled => {
                let (base, ceiling) = (self.throttle_base, self.throttle_ceiling);
                let drawn = jittered(base, ceiling, state.throttles, rng);
                let too_long = asked.is_some_and(|asked| asked > self.max_throttle_pause);
                if too_long && class == RequestClass::Action {
                    return RetryDecision::GiveUp;
                }
                match asked.map(|asked| asked.min(self.max_throttle_pause)) {
                    // Spread requests that the service gave the same pause.
                    Some(asked) => asked.saturating_add(drawn.min(base)),
                    None => drawn.max(base / 2),
                }
            }
            Classification::NotDelivered | Classification::Transient => {
                let drawn = jittered(self.base, self.ceiling, state.failures, rng);
                asked.map_or(drawn, |asked| asked.max(drawn))
            }
            _ => return RetryDecision::GiveUp,
        };
        let worth_it = match class {
            RequestClass::Poll => true,
            // Once the service was reached, the cause is temporary.
            _ if state.permanent && !state.reached => false,
            RequestClass::Action => match classification {
                Classification::Throttled => true,
                _ if state.reached => state.outage < self.max_outage,
                _ => state.failures < self.max_failures,
            },
            RequestClass::Read => {
                (classification == Classification::Throttled || state.failures < self.max_failures)
                    && state.elapsed.saturating_add(pause) <= self.read_time(classification, state)
            }
        };
        if worth_it {
            RetryDecision::RetryAfter(pause)
        } else {
            RetryDecision::GiveUp
        }
    }
}

/// Parses the pause from the message of a throttling gateway, such as `Throttled by user …
/// limit:1000,time:1 minute`: the whole window, since its start is not known. At most a week.
///
/// ```
/// use std::time::Duration;
/// use ecs_client::policy::parse_throttle_message;
///
/// let message = "policy user over ratelimit,limit:60,time:1 minute";
/// assert_eq!(parse_throttle_message(message), Some(Duration::from_secs(60)));
/// ```
pub fn parse_throttle_message(message: &str) -> Option<Duration> {
    const LONGEST_ASKED: u64 = 7 * 24 * 3600;
    let (_, rest) = message.split_once("limit:")?;
    let (limit, rest) = rest.split_once(',')?;
    let _: u64 = limit.trim().parse().ok()?;
    let rest = rest.trim_start().strip_prefix("time:")?.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = rest.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let seconds = [
        ("second", 1),
        ("minute", 60),
        ("hour", 3600),
        ("day", 24 * 3600),
    ]
    .iter()
    .find_map(|(name, seconds)| unit.starts_with(name).then_some(*seconds))?;
    Some(Duration::from_secs(
        number.saturating_mul(seconds).min(LONGEST_ASKED),
    ))
}

/// The longest pause, so that durations can be multiplied.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Returns a random pause from zero to `base`, doubled for each retry but the first, at most
/// `ceiling`.
fn jittered(base: Duration, ceiling: Duration, times: u32, rng: &mut impl Rng) -> Duration {
    doubled(base, times.saturating_sub(1), ceiling.min(LONGEST))
        .mul_f64(rng.random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests;
