//! Time: tokio's, the wall clock, and the service's clock.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What the clocks on the wall show: ours, and what the service's answers tell of its own.
#[derive(Debug)]
pub(crate) struct WallClock {
    /// For tests on paused time: what it showed at an instant, from where tokio's clock carries it on.
    epoch: Option<(Timestamp, Instant)>,
    /// How fast the service's clock runs, by ours.
    factor: f64,
    /// The last exchange whose answer had a date.
    seen: Mutex<Option<Seen>>,
}

/// An exchange whose answer had a date: the service wrote it at some time between sending and receiving.
#[derive(Clone, Copy, Debug)]
struct Seen {
    sent: Timestamp,
    received: Timestamp,
    date: Timestamp,
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) ours: Timestamp,
    /// As far as the service's clock is known.
    pub(crate) theirs: Option<Timestamp>,
}

impl WallClock {
    /// The system's clock, or one that shows `epoch` now and moves with tokio's.
    pub(crate) fn new(epoch: Option<Timestamp>, factor: f64) -> Self {
        Self {
            epoch: epoch.map(|epoch| (epoch, Instant::now())),
            factor,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self.epoch {
            None => Timestamp::now(),
            Some((epoch, start)) => epoch.checked_add(start.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }

    /// How long ago it was, by our clock.
    pub(crate) fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }

    /// Now, on both clocks.
    pub(crate) fn moment(&self) -> Moment {
        let ours = self.now();
        let theirs = self.theirs(ours);
        Moment { ours, theirs }
    }

    /// Learns from the date of an answer that has just come to a request that was sent then.
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

    /// `date` and the time between two of our times, at the service's pace.
    fn carried_on(&self, date: Timestamp, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let since = to.duration_since(from).as_secs_f64() * self.factor;
        date.checked_add(SignedDuration::try_from_secs_f64(since).ok()?)
            .ok()
    }

    /// The latest that the service's clock can have shown at one of our times, once an answer had a date.
    pub(crate) fn theirs(&self, ours: Timestamp) -> Option<Timestamp> {
        // Dates are whole seconds.
        const RESOLUTION: SignedDuration = SignedDuration::from_secs(1);
        let seen = self.seen()?;
        let date = seen.date.checked_add(RESOLUTION).ok()?;
        self.carried_on(date, seen.sent, ours)
    }

    /// The pause that a `Retry-After` header asks for: seconds, or a date on the service's clock.
    pub(crate) fn retry_after(&self, header: &str) -> Option<Duration> {
        let now = self.now();
        let theirs = self
            .seen()
            .and_then(|seen| self.carried_on(seen.date, seen.received, now));
        retry_after(header, theirs.unwrap_or(now))
    }
}

/// The instant that comes this much later; one that never comes, if that is beyond what the clock can hold.
pub(crate) fn after(duration: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(duration.min(NEVER)).unwrap_or(now)
}

/// Waits until then; without a time, for ever.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A duration for a service whose clock runs `factor` times as fast as ours.
pub(crate) fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() / factor).unwrap_or(duration)
}

/// A pause that grows: `first`, doubled this many times, at most `ceiling`.
pub(crate) fn doubled(first: Duration, times: u32, ceiling: Duration) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(times))
        .min(ceiling)
}

fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    /// Longer than any service means it: a date from a clock that is wrong.
    const LONGEST: Duration = Duration::from_secs(3600);
    let asked = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(header)?.duration_since(now);
            Duration::try_from(until).unwrap_or(Duration::ZERO)
        }
    };
    Some(asked.min(LONGEST))
}

/// What the clock of an answer's sender showed.
pub(crate) fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

fn http_date(header: &str) -> Option<Timestamp> {
    // A wrong weekday does not make the date less clear.
    let dates = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    dates.parse_timestamp(header).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_ceiling() {
        let (first, ceiling) = (Duration::from_secs(3), Duration::from_secs(20));
        let pauses = [0, 1, 2, 3, 31, 32, u32::MAX].map(|times| doubled(first, times, ceiling));
        assert_eq!(pauses, [3, 6, 12, 20, 20, 20, 20].map(Duration::from_secs));
        assert_eq!(doubled(ceiling, 0, first), first);
    }

    /// Any at all, and those that a pause may have.
    fn durations() -> impl Strategy<Value = Duration> {
        prop_oneof![
            any::<Duration>(),
            (0..100_000_000_000_u64).prop_map(Duration::from_nanos),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_pause_overflows_shrinks_or_passes_its_ceiling(
            first in durations(),
            ceiling in durations(),
            times in prop_oneof![any::<u32>(), 0..70_u32],
        ) {
            let pause = doubled(first, times, ceiling);
            prop_assert!(pause >= first.min(ceiling) && pause <= ceiling);
            let next = doubled(first, times.saturating_add(1), ceiling);
            prop_assert!(next >= pause && next <= pause.saturating_mul(2));
        }
    }

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

    #[tokio::test(start_paused = true)]
    async fn a_date_to_wait_for_is_read_on_the_clock_of_the_service() {
        let clock = WallClock::new(Some("1994-11-06T08:49:00Z".parse().unwrap()), 1.0);
        let date = "Sun, 06 Nov 1994 09:19:30 GMT";
        assert_eq!(clock.retry_after(date), Some(Duration::from_secs(1830)));
        let mut headers = HeaderMap::new();
        // Its clock is half an hour ahead of ours.
        headers.insert("date", "Sun, 06 Nov 1994 09:19:00 GMT".parse().unwrap());
        let now = clock.now();
        clock.observe(&headers, now);
        assert_eq!(clock.retry_after(date), Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(clock.retry_after(date), Some(Duration::from_secs(10)));
        // A date that is none changes nothing.
        headers.insert("date", "yesterday".parse().unwrap());
        clock.observe(&headers, clock.now());
        assert_eq!(clock.retry_after(date), Some(Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_is_too_long_for_the_clock() {
        assert!(after(Duration::MAX) > Instant::now() + Duration::from_secs(1_000_000));
        assert_eq!(
            after(Duration::from_secs(2)),
            Instant::now() + Duration::from_secs(2)
        );
    }

    /// An answer that takes its time may have its date from the beginning or from the end of it.
    #[tokio::test(start_paused = true)]
    async fn the_latest_that_their_clock_can_show() {
        let epoch: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let clock = WallClock::new(Some(epoch), 1.0);
        assert_eq!(clock.theirs(epoch), None);
        let sent = clock.now();
        tokio::time::advance(Duration::from_secs(50)).await;
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sun, 06 Nov 1994 09:19:00 GMT".parse().unwrap());
        clock.observe(&headers, sent);
        let latest: Timestamp = "1994-11-06T09:19:51Z".parse().unwrap();
        assert_eq!(clock.theirs(clock.now()), Some(latest));
    }
}
