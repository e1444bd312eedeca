//! Clocks: tokio's, the wall clock and the service's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The wall clock, and the service's clock as far as the dates of its answers show it.
#[derive(Debug)]
pub struct WallClock {
    /// For tests on paused time: the time that the wall clock showed at an instant of tokio's
    /// clock, which advances it.
    epoch: Option<(Timestamp, Instant)>,
    /// The speed of the service's clock relative to the local one.
    factor: f64,
    /// The last exchange whose answer had a date.
    seen: Mutex<Option<Seen>>,
}

/// An exchange whose answer had a date. The service wrote the date between sending and receiving.
#[derive(Clone, Copy, Debug)]
struct Seen {
    sent: Timestamp,
    received: Timestamp,
    date: Timestamp,
}

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The local clock.
    pub local: Timestamp,
    /// The service's clock; `None` if it is not known.
    pub remote: Option<Timestamp>,
}

/// A moment of this process. Its age counts the time while the process was stopped or its machine
/// slept.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    instant: Instant,
    local: Timestamp,
}

impl WallClock {
    /// Returns the current moment.
    pub fn moment(&self) -> Moment {
        Moment {
            instant: Instant::now(),
            local: self.now(),
        }
    }

    /// Returns the time since `then`, by the clock that shows more: one stands still while a
    /// machine sleeps, the other may be set back.
    pub fn age(&self, then: Moment) -> Duration {
        then.instant.elapsed().max(self.since(then.local))
    }

    /// Creates a clock that shows the system's time, or one that shows `epoch` now and advances
    /// with tokio's clock.
    pub fn new(epoch: Option<Timestamp>, factor: f64) -> Self {
        Self {
            epoch: epoch.map(|epoch| (epoch, Instant::now())),
            factor,
            seen: Mutex::default(),
        }
    }

    /// Returns the local time.
    pub fn now(&self) -> Timestamp {
        match self.epoch {
            None => Timestamp::now(),
            Some((epoch, start)) => epoch.checked_add(start.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }

    /// Returns the time since `then`, by the local clock.
    pub fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }

    /// Reads both clocks.
    pub fn read(&self) -> ClockReading {
        let local = self.now();
        let remote = self.remote_at(local);
        ClockReading { local, remote }
    }

    /// Learns the service's time from the date of an answer that has just arrived; `sent` is when
    /// its request was sent.
    pub(crate) fn observe(&self, headers: &HeaderMap, sent: Timestamp) {
        if let Some(date) = date_of(headers) {
            let received = self.now();
            let seen = Seen {
                sent,
                received,
                date,
            };
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
    }

    fn seen(&self) -> Option<Seen> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `date` plus the time between two local times, at the service's speed.
    fn carried_on(&self, date: Timestamp, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let since = to.duration_since(from).as_secs_f64() * self.factor;
        date.checked_add(SignedDuration::try_from_secs_f64(since).ok()?)
            .ok()
    }

    /// Returns the latest time that the service's clock can have shown at a local time; `None`
    /// before the first date.
    pub fn remote_at(&self, local: Timestamp) -> Option<Timestamp> {
        // Dates have whole seconds.
        const RESOLUTION: SignedDuration = SignedDuration::from_secs(1);
        let seen = self.seen()?;
        let date = seen.date.checked_add(RESOLUTION).ok()?;
        self.carried_on(date, seen.sent, local)
    }

    /// Returns the earliest time that the service's clock can have shown at a local time; `None`
    /// before the first date.
    pub(crate) fn remote_at_least(&self, local: Timestamp) -> Option<Timestamp> {
        let seen = self.seen()?;
        // A simulated clock may also run at the local speed.
        let factor = self.factor.min(1.0);
        let since = local.duration_since(seen.received).as_secs_f64() * factor;
        let since = SignedDuration::try_from_secs_f64(since.max(0.0)).ok()?;
        seen.date.checked_add(since).ok()
    }

    /// Parses the pause of a `Retry-After` header: seconds, or a date on the service's clock.
    pub(crate) fn retry_after(&self, header: &str) -> Option<Duration> {
        let now = self.now();
        let remote = self
            .seen()
            .and_then(|seen| self.carried_on(seen.date, seen.received, now));
        retry_after(header, remote.unwrap_or(now))
    }
}

/// Returns the instant that is `duration` from now, or one in the far future if the clock cannot
/// represent it.
pub fn after(duration: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(duration.min(NEVER)).unwrap_or(now)
}

/// Waits until `deadline`; `None` waits forever.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Converts a duration for a service whose clock runs `factor` times as fast.
pub fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() / factor).unwrap_or(duration)
}

/// Returns `first` doubled `times` times, at most `ceiling`.
pub fn doubled(first: Duration, times: u32, ceiling: Duration) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(times))
        .min(ceiling)
}

fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    /// The longest plausible pause: a longer one is a date from a wrong clock.
    const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
    let asked = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(header)?.duration_since(now);
            Duration::try_from(until).unwrap_or(Duration::ZERO)
        }
    };
    Some(asked.min(LONGEST))
}

/// Parses the `Date` header of an answer.
pub(crate) fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

fn http_date(header: &str) -> Option<Timestamp> {
    // A wrong weekday does not make the date ambiguous.
    let dates = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    dates.parse_timestamp(header).ok()
}

#[cfg(test)]
mod tests;
