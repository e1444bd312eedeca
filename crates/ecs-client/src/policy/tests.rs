use std::time::Duration;

use ecs_model::{ErrorInfo, Executed, Idempotency, ResponseError};
use ecs_transport::{Delivery, TransportError, TransportErrorKind};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

const ACTION: Idempotency = Idempotency::NotIdempotent;
const READ: Idempotency = Idempotency::Idempotent;

fn answer(status: u16, body: &str) -> ResponseError {
    let status = StatusCode::from_u16(status).unwrap();
    ResponseError::parse(status, &HeaderMap::new(), body.as_bytes())
}

fn action(status: u16, body: &str) -> Classification {
    classify(ACTION, AttemptOutcome::Answered(&answer(status, body)))
}

/// A code in every shape in which the service and its gateways write errors.
fn families(code: &str) -> [String; 6] {
    [
        format!(r#"{{"error":{{"code":"{code}","message":"words"}}}}"#),
        format!(
            r#"{{"error":{{"message":"words","details":[{{"code":"{code}","message":"more"}}]}}}}"#
        ),
        format!(r#"{{"error_code":"{code}","error_msg":"words","request_id":"r"}}"#),
        format!(r#"{{"errorCode":"{code}","errorMsg":"words"}}"#),
        format!(r#"{{"code":"{code}","message":"words"}}"#),
        format!(r#"{{"badRequest":{{"code":"{code}","message":"words"}}}}"#),
    ]
}

/// Bodies that say nothing that could prove anything.
const SILENT: &[&str] = &[
    "",
    "{}",
    "null",
    "<html><head><title>oops</title></head></html>",
    r#"{"error":{"code":"Ecs.01"#,
    r#"{"itemNotFound":{"code":404,"message":"gone"}}"#,
    r#"{"error_code":"Vendor.7777","error_msg":"new"}"#,
];

/// What the status alone proves about an action.
#[test]
fn every_status_without_a_documented_code() {
    use Classification::{Refused, RefusedCredentials, Throttled, Unknown};
    let table = [
        (
            Unknown,
            vec![
                200, 201, 202, 203, 204, 206, 300, 301, 302, 303, 304, 408, 499, 600, 999,
            ],
        ),
        (Unknown, vec![500, 501, 502, 503, 504, 505, 507, 520, 599]),
        (
            Refused,
            vec![
                307, 308, 400, 404, 405, 406, 407, 409, 410, 411, 413, 414, 415, 422, 431,
            ],
        ),
        (RefusedCredentials, vec![401, 403]),
        (Throttled, vec![429]),
    ];
    for (expected, statuses) in table {
        for status in statuses {
            for body in SILENT {
                assert_eq!(action(status, body), expected, "{status} {body}");
            }
        }
    }
}

/// The documented ways of saying no, in each error family.
#[test]
fn documented_codes_in_every_family() {
    use Classification::{Refused, RefusedCredentials, Throttled, Unknown};
    let table = [
        (202, "Common.0024", Throttled),
        (429, "Common.1503", Throttled),
        (429, "APIGW.0308", Throttled),
        (501, "Ecs.0603", Throttled),
        (400, "Ecs.0118", Refused),
        (404, "Ecs.0114", Refused),
        (404, "Ecs.0614", Refused),
        (400, "Ecs.0605", Refused),
        (400, "Ecs.0100", Refused),
        (400, "Ecs.0005", Refused),
        (400, "Common.0002", Refused),
        (401, "Common.0013", RefusedCredentials),
        (400, "Common.0018", RefusedCredentials),
        (400, "Ecs.0023", RefusedCredentials),
        (403, "Pdp.0001", RefusedCredentials),
        (403, "Ecs.0003", RefusedCredentials),
        // A 400 that speaks of work that failed proves nothing.
        (400, "Ecs.0002", Unknown),
        (400, "Ecs.0227", Unknown),
        (400, "Ecs.0611", Unknown),
        (400, "Ecs.1000", Unknown),
        (400, "Ecs.1002", Unknown),
        (500, "Common.0001", Unknown),
        // Nor does a code that would be proof, on a status that says that something broke, or on a
        // success.
        (500, "Ecs.0114", Unknown),
        (502, "Ecs.0005", Unknown),
        (503, "Common.0024", Unknown),
        (504, "APIGW.0308", Unknown),
        (200, "Ecs.0114", Unknown),
        (200, "Common.0024", Unknown),
        (202, "Ecs.0603", Unknown),
        (202, "Common.1503", Unknown),
        (501, "Common.0024", Unknown),
        (501, "APIGW.0308", Unknown),
    ];
    for (status, code, expected) in table {
        for body in families(code) {
            assert_eq!(action(status, &body), expected, "{status} {body}");
        }
    }
}

/// Nothing but proof leads to a second sending of an action: all codes × all statuses × all
/// families.
#[test]
fn an_action_is_sent_again_only_after_proof() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let policy = RetryPolicy::default();
    for info in ErrorInfo::all() {
        for status in 200..600 {
            let [body, ..] = families(info.code);
            let classification = action(status, &body);
            let next = decide(&policy, classification, RequestClass::Action, &mut rng);
            if classification.proves_not_executed() && ![307, 308].contains(&status) {
                let documented = [(202, "Common.0024"), (501, "Ecs.0603")];
                let at_fault = (400..500).contains(&status) && ![408, 499].contains(&status);
                let throttling = info.disposition.throttling && [202, 501].contains(&status);
                assert!(
                    at_fault || throttling || documented.contains(&(status, info.code)),
                    "{status} {}",
                    info.code
                );
            }
            if let RetryDecision::RetryAfter(_) = next {
                let proof =
                    info.disposition.executed == Executed::No && info.disposition.throttling;
                assert!(status == 429 || proof, "{status} {}", info.code);
                assert!(
                    ![500, 502, 503, 504].contains(&status),
                    "{status} {}",
                    info.code
                );
            }
            if info.disposition.executed == Executed::Maybe && status != 429 {
                assert_eq!(
                    classification,
                    Classification::Unknown,
                    "{status} {}",
                    info.code
                );
            }
        }
    }
}

fn decide(
    policy: &RetryPolicy,
    classification: Classification,
    class: RequestClass,
    rng: &mut ChaCha8Rng,
) -> RetryDecision {
    policy.decide(classification, class, &RetryState::default(), None, rng)
}

#[test]
fn every_delivery() {
    use Delivery::{MaybeSent, NotSent};
    use TransportErrorKind::{Closed, Connect, Request};
    let table = [
        (ACTION, Connect, NotSent, Classification::NotDelivered),
        (READ, Connect, NotSent, Classification::NotDelivered),
        (ACTION, Closed, MaybeSent, Classification::Unknown),
        (READ, Closed, MaybeSent, Classification::Transient),
        // What cannot be sent now cannot be sent later; unless the transport is not sure that it
        // was not.
        (ACTION, Request, NotSent, Classification::Refused),
        (READ, Request, NotSent, Classification::Refused),
        (ACTION, Request, MaybeSent, Classification::Unknown),
    ];
    for (idempotency, kind, delivery, expected) in table {
        let error = TransportError::new(kind, delivery);
        let classification = classify(idempotency, AttemptOutcome::Failed(&error));
        assert_eq!(classification, expected, "{kind:?} {delivery:?}");
    }
}

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

/// Throttling and trouble at the service never end the reading of a job.
#[test]
fn what_ends_a_read() {
    let read = |status, body: &str| classify(READ, AttemptOutcome::Answered(&answer(status, body)));
    for body in SILENT {
        for status in [408, 500, 501, 502, 503, 504] {
            assert_eq!(
                read(status, body),
                Classification::Transient,
                "{status} {body}"
            );
        }
        assert_eq!(read(429, body), Classification::Throttled);
        assert_eq!(read(401, body), Classification::RefusedCredentials);
        assert_eq!(read(404, body), Classification::Refused);
    }
    // Nor do credentials that a layer in trouble complains of.
    for body in families("Common.0013") {
        for status in [408, 499, 500, 501, 502, 503, 504] {
            assert_eq!(
                read(status, &body),
                Classification::Transient,
                "{status} {body}"
            );
        }
        assert_eq!(
            read(400, &body),
            Classification::RefusedCredentials,
            "{body}"
        );
    }
    for body in families("Common.0011") {
        assert_eq!(read(400, &body), Classification::Refused, "{body}");
    }
    for body in families("Common.0025") {
        assert_eq!(read(400, &body), Classification::Transient, "{body}");
    }
    for body in families("Common.0024") {
        assert_eq!(read(202, &body), Classification::Throttled, "{body}");
    }
}

fn classifications() -> impl Strategy<Value = Classification> {
    use Classification::*;
    prop::sample::select(vec![
        Done,
        NotDelivered,
        Throttled,
        Refused,
        RefusedCredentials,
        Transient,
        Unknown,
    ])
}

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

#[test]
fn the_pause_in_a_gateways_words() {
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
                // Nobody waits for hours because of a limit.
                prop_assert!(classification != Classification::Throttled || pause <= HALF_AN_HOUR + Duration::from_secs(60));
            }
            RetryDecision::GiveUp => {
                let too_long = class == RequestClass::Action && asked > Some(HALF_AN_HOUR);
                prop_assert!(classification != Classification::Throttled || class == RequestClass::Read || too_long);
            }
        }
    }

    #[test]
    fn no_words_lead_to_a_panic(words in "(limit:[0-9x]{0,4},? ?time:)?.{0,40}") {
        let _ = parse_throttle_message(&words);
    }

    #[test]
    fn no_answer_leads_to_a_panic(status in 100_u16..1000, body: Vec<u8>) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = ResponseError::parse(status, &HeaderMap::new(), &body);
        for idempotency in [ACTION, READ] {
            classify(idempotency, AttemptOutcome::Answered(&error));
        }
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
