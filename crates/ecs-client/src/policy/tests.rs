use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

/// How long each class goes on: (classification, class, what happened so far, whether it goes on).
#[test]
fn how_long_it_is_worth_trying() {
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
        // Nothing was ever there: a wrong address, most likely.
        (NotDelivered, RequestClass::Action, failures(4), true),
        (NotDelivered, RequestClass::Action, failures(5), false),
        // It will be no better the next time, but for polls, and after the service was reached.
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
        // It was there: it will come back, within reason.
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
    for (classification, class, state, goes_on) in table {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let next = policy.decide(classification, class, &state, None, &mut rng);
        let goes = next != RetryDecision::GiveUp;
        assert_eq!(goes, goes_on, "{classification:?} {class:?} {state:?}");
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

#[test]
fn the_pause_in_a_gateways_words() {
    let cases = [
        ("Throttled by user. limit:1000,time:1 minute", Some(60)),
        ("limit:10,time:5 second", Some(5)),
        ("limit:10,time:2 minutes.", Some(120)),
        ("limit: 10, time: 2minute", Some(120)),
        ("limit:10,time:99999999999999999999 minute", None),
        ("limit:10,time:18446744073709551615 minute", Some(3600)),
        ("limit:10,time:1 fortnight", None),
        ("limit:x,time:1 minute", None),
        ("time:1 minute", None),
        ("limit:10", None),
        ("", None),
    ];
    for (words, seconds) in cases {
        assert_eq!(
            parse_throttle_message(words),
            seconds.map(Duration::from_secs),
            "{words:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pauses_keep_their_bounds_and_final_judgements_end(
        classification in classifications(),
        failures in 0_u32..100,
        throttles in 0_u32..100,
        asked in prop::option::of(0_u64..=3600),
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
                prop_assert!(pause >= asked.unwrap_or_default());
                prop_assert!(pause <= asked.unwrap_or_default() + Duration::from_secs(60));
            }
            RetryDecision::GiveUp => prop_assert!(classification != Classification::Throttled || class == RequestClass::Read),
        }
    }

    #[test]
    fn no_words_lead_to_a_panic(words in "(limit:[0-9x]{0,4},? ?time:)?.{0,40}") {
        let _ = parse_throttle_message(&words);
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
