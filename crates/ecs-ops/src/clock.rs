//! Time: tokio's, and a wall clock that moves with it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The wall-clock time of tokio instants: read once, then carried on by tokio's clock, so that tests on paused time
/// get the same timestamps each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    origin: Timestamp,
    start: Instant,
}

impl WallClock {
    pub(crate) fn starting_at(origin: Timestamp) -> Self {
        Self {
            origin,
            start: Instant::now(),
        }
    }

    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.start);
        self.origin.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }
}

/// A duration for a service whose clock runs `factor` times as fast as ours.
pub(crate) fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() / factor).unwrap_or(duration)
}

/// The pause that a `Retry-After` header asks for: seconds, or an HTTP date.
pub(crate) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    /// Longer than any service means it: a date from a clock that is wrong.
    const LONGEST: Duration = Duration::from_secs(3600);
    let asked = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // A wrong weekday does not make the date less clear.
            let dates = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
            let date = dates.parse_timestamp(header).ok()?;
            Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(asked.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("99999999999", Some(3600)),
            ("Sun, 06 Nov 2094 08:49:37 GMT", Some(3600)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (header, seconds) in cases {
            assert_eq!(
                retry_after(header, now),
                seconds.map(Duration::from_secs),
                "{header:?}"
            );
        }
    }
}
