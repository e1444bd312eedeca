use proptest::prelude::*;

use super::*;

#[test]
fn a_pause_doubles_up_to_its_ceiling() {
    let (first, ceiling) = (Duration::from_secs(3), Duration::from_secs(20));
    let pauses = [0, 1, 2, 3, 31, 32, u32::MAX].map(|times| doubled(first, times, ceiling));
    assert_eq!(pauses, [3, 6, 12, 20, 20, 20, 20].map(Duration::from_secs));
    assert_eq!(doubled(ceiling, 0, first), first);
}

/// Returns any duration, and the durations that a pause may have.
fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<Duration>(),
        (0..100_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn doubled_pauses_never_overflow_shrink_or_exceed_the_ceiling(
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
        ("86400", Some(86_400)),
        ("99999999999", Some(604_800)),
        ("Sun, 06 Nov 2094 08:49:37 GMT", Some(604_800)),
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
async fn retry_after_dates_are_on_the_services_clock() {
    let clock = WallClock::new(Some("1994-11-06T08:49:00Z".parse().unwrap()), 1.0);
    let date = "Sun, 06 Nov 1994 09:19:30 GMT";
    assert_eq!(clock.retry_after(date), Some(Duration::from_secs(1830)));
    let mut headers = HeaderMap::new();
    // The service's clock is half an hour ahead of the local one.
    headers.insert("date", "Sun, 06 Nov 1994 09:19:00 GMT".parse().unwrap());
    let now = clock.now();
    clock.observe(&headers, now);
    assert_eq!(clock.retry_after(date), Some(Duration::from_secs(30)));
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(clock.retry_after(date), Some(Duration::from_secs(10)));
    // An invalid date changes nothing.
    headers.insert("date", "yesterday".parse().unwrap());
    clock.observe(&headers, clock.now());
    assert_eq!(clock.retry_after(date), Some(Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn long_pauses_do_not_overflow_the_clock() {
    assert!(after(Duration::MAX) > Instant::now() + Duration::from_secs(1_000_000));
    assert_eq!(
        after(Duration::from_secs(2)),
        Instant::now() + Duration::from_secs(2)
    );
}

/// The date of a slow answer may be from its beginning or from its end.
#[tokio::test(start_paused = true)]
async fn remote_at_is_the_latest_possible_time() {
    let epoch: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
    let clock = WallClock::new(Some(epoch), 1.0);
    assert_eq!(clock.remote_at(epoch), None);
    let sent = clock.now();
    tokio::time::advance(Duration::from_secs(50)).await;
    let mut headers = HeaderMap::new();
    headers.insert("date", "Sun, 06 Nov 1994 09:19:00 GMT".parse().unwrap());
    clock.observe(&headers, sent);
    let latest: Timestamp = "1994-11-06T09:19:51Z".parse().unwrap();
    assert_eq!(clock.remote_at(clock.now()), Some(latest));
}
