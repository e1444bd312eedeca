use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

/// (classification, class, state so far, whether the request is retried).
#[test]
fn requests_are_retried_as_long_as_their_class_allows() {
    use Classification::{NotDelivered, Throttled, Transient};
    let policy = RetryPolicy::default();
    let seconds = Duration::from_secs;
    let none = RetryState::default();
    let failures = |failures| RetryState { failures, ..none };
    let permanent = |count| RetryState {
        permanent: true,
        ..failures(count)
    };
    let outage = |outage| RetryState {
        failures: 99,
        reached: true,
        outage: seconds(outage),
        ..none
    };
    let elapsed = |elapsed| RetryState {
        elapsed: seconds(elapsed),
        ..none
    };
    let table = [
        // The service never answered: most likely a wrong address.
        (NotDelivered, RequestClass::Action, failures(4), true),
        (NotDelivered, RequestClass::Action, failures(5), false),
        // Permanent failures persist; polls continue, and so does a request to a service that was
        // reached.
        (NotDelivered, RequestClass::Action, permanent(1), false),
        (NotDelivered, RequestClass::Read, permanent(1), false),
        (NotDelivered, RequestClass::Poll, permanent(1), true),
        (
            NotDelivered,
            RequestClass::Action,
            RetryState {
                reached: true,
                ..permanent(9)
            },
            true,
        ),
        // The service has answered before: it is expected back, within limits.
        (NotDelivered, RequestClass::Action, outage(299), true),
        (NotDelivered, RequestClass::Action, outage(300), false),
        (
            Throttled,
            RequestClass::Action,
            RetryState {
                throttles: 9999,
                ..elapsed(99_999)
            },
            true,
        ),
        (NotDelivered, RequestClass::Read, failures(4), true),
        (Transient, RequestClass::Read, failures(5), false),
        (Transient, RequestClass::Read, elapsed(119), true),
        (Transient, RequestClass::Read, elapsed(121), false),
        (Throttled, RequestClass::Read, elapsed(110), true),
        (Throttled, RequestClass::Read, elapsed(120), false),
        (Throttled, RequestClass::Poll, elapsed(99_999), true),
        (Transient, RequestClass::Poll, failures(9999), true),
        (NotDelivered, RequestClass::Poll, outage(99_999), true),
    ];
    for (classification, class, state, is_retried) in table {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let next = policy.decide(classification, class, &state, None, &mut rng);
        let goes = next != RetryDecision::GiveUp;
        assert_eq!(goes, is_retried, "{classification:?} {class:?} {state:?}");
    }
}

fn classifications() -> impl Strategy<Value = Classification> {
    use Classification::*;
    prop::sample::select(vec![
        Done,
        NotDelivered,
        NotForwarded,
        Throttled,
        Refused,
        RefusedCredentials,
        Transient,
        Unknown,
    ])
}

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

#[test]
fn throttle_messages_of_gateways_are_parsed() {
    let cases = [
        ("Throttled by user. limit:1000,time:1 minute", Some(60)),
        ("limit:10,time:5 second", Some(5)),
        ("limit:10,time:2 minutes.", Some(120)),
        ("limit: 10, time: 2minute", Some(120)),
        ("limit:10,time:99999999999999999999 minute", None),
        ("limit:10,time:18446744073709551615 minute", Some(604_800)),
        ("limit:200,time:3 hour", Some(10_800)),
        ("limit:200,time:1 day", Some(86_400)),
        ("limit:10,time:1 fortnight", None),
        ("limit:x,time:1 minute", None),
        ("time:1 minute", None),
        ("limit:10", None),
        ("", None),
    ];
    for (message, seconds) in cases {
        assert_eq!(
            parse_throttle_message(message),
            seconds.map(Duration::from_secs),
            "{message:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pauses_keep_their_bounds_and_final_classifications_end(
        classification in classifications(),
        failures in 0_u32..100,
        throttles in 0_u32..100,
        asked in prop::option::of(0_u64..=100_000),
        class in prop::sample::select(vec![RequestClass::Action, RequestClass::Read, RequestClass::Poll]),
        reached: bool,
        seed: u64,
    ) {
        let policy = RetryPolicy::default();
        let state = RetryState { failures, throttles, reached, ..RetryState::default() };
        let asked = asked.map(Duration::from_secs);
        let decide = || policy.decide(classification, class, &state, asked, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert_eq!(decide(), decide(), "the seed decides");
        match decide() {
            RetryDecision::RetryAfter(pause) => {
                prop_assert!(matches!(classification, Classification::Throttled | Classification::NotDelivered | Classification::Transient));
                let asked = asked.unwrap_or_default();
                let shortened = classification == Classification::Throttled && class == RequestClass::Poll;
                let least = if shortened { asked.min(HALF_AN_HOUR) } else { asked };
                prop_assert!(pause >= least);
                prop_assert!(pause <= asked + Duration::from_secs(60));
                // No request waits for hours because of a limit.
                prop_assert!(classification != Classification::Throttled || pause <= HALF_AN_HOUR + Duration::from_secs(60));
            }
            RetryDecision::GiveUp => {
                let too_long = class == RequestClass::Action && asked > Some(HALF_AN_HOUR);
                prop_assert!(classification != Classification::Throttled || class == RequestClass::Read || too_long);
            }
        }
    }

    #[test]
    fn no_message_leads_to_a_panic(message in "(limit:[0-9x]{0,4},? ?time:)?.{0,40}") {
        let _ = parse_throttle_message(&message);
    }

}

#[test]
fn pauses_grow_with_failures() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let policy = RetryPolicy::default();
    let mut longest = |classification, times| {
        let state = RetryState {
            failures: times,
            throttles: times,
            ..RetryState::default()
        };
        let draw =
            |_| match policy.decide(classification, RequestClass::Poll, &state, None, &mut rng) {
                RetryDecision::RetryAfter(pause) => pause,
                RetryDecision::GiveUp => panic!("a poll goes on"),
            };
        (0..200).map(draw).max().unwrap()
    };
    let mut between = |classification, times, least: u64, most: u64| {
        let longest = longest(classification, times);
        assert!(
            longest > Duration::from_millis(least),
            "{classification:?} {times}: {longest:?}"
        );
        assert!(
            longest <= Duration::from_millis(most),
            "{classification:?} {times}: {longest:?}"
        );
    };
    between(Classification::Transient, 1, 400, 500);
    between(Classification::Transient, 3, 1500, 2000);
    between(Classification::Transient, 60, 15_000, 20_000);
    between(Classification::Throttled, 1, 1500, 2000);
    between(Classification::Throttled, 60, 50_000, 60_000);
}

#[test]
fn first_reads_have_their_own_time_limit() {
    let policy = RetryPolicy::default().with_max_first_read_time(Duration::from_secs(2));
    let state = |reached| RetryState {
        failures: 1,
        elapsed: Duration::from_secs(10),
        reached,
        ..RetryState::default()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut is_retried = |classification, reached| {
        let decision = policy.decide(
            classification,
            RequestClass::Read,
            &state(reached),
            None,
            &mut rng,
        );
        decision != RetryDecision::GiveUp
    };
    assert!(!is_retried(Classification::NotDelivered, false));
    assert!(is_retried(Classification::NotDelivered, true));
    assert!(is_retried(Classification::Transient, false));
}
