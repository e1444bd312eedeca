use super::*;
use crate::Executed;

#[test]
fn every_code_is_found_in_any_case() {
    for (index, info) in ErrorInfo::all().iter().enumerate() {
        for code in [
            info.code.to_owned(),
            info.code.to_uppercase(),
            info.code.to_lowercase(),
        ] {
            assert_eq!(ErrorInfo::of(&code), ErrorInfo::all().get(index), "{code}");
        }
    }
    for code in [
        "",
        "Ecs",
        "Ecs.",
        "Ecs.01140",
        " Ecs.0114",
        "ecs.\u{fffd}",
        "zzz",
    ] {
        assert!(ErrorInfo::of(code).is_none(), "{code}");
    }
}

/// The lookup is a binary search, which needs a strict order.
#[test]
fn entries_are_strictly_ordered() {
    for pair in ErrorInfo::all().windows(2) {
        let order = compare_ignoring_case(pair[0].code, pair[1].code);
        assert_eq!(
            order,
            std::cmp::Ordering::Less,
            "{} {}",
            pair[0].code,
            pair[1].code
        );
    }
}

/// A throttled request is sent again, so throttling must prove that nothing was executed.
#[test]
fn dispositions_do_not_contradict_themselves() {
    assert!(ErrorInfo::all().len() >= 155);
    for info in ErrorInfo::all() {
        let value = info.disposition;
        assert!(!(value.throttling && value.credentials), "{}", info.code);
        if value.throttling {
            assert_eq!(value.executed, Executed::No, "{}", info.code);
        }
        assert!(!info.meaning.is_empty() && !info.advice.is_empty() && !info.source.is_empty());
        assert!(
            info.status
                .is_none_or(|status| (200..600).contains(&status)),
            "{}",
            info.code
        );
    }
}

/// Codes that the rest of the workspace relies on.
#[test]
fn codes_have_the_dispositions_that_callers_rely_on() {
    let of = |code| ErrorInfo::of(code).expect("documented").disposition;
    for code in ["Common.0024", "Common.1503", "APIGW.0308", "Ecs.0603"] {
        assert!(of(code).throttling, "{code}");
    }
    for code in ["Ecs.0114", "Ecs.0614"] {
        assert!(of(code).one_server, "{code}");
        assert_eq!(of(code).executed, Executed::No, "{code}");
    }
    assert_eq!(of("Ecs.0118").executed, Executed::No);
    assert!(of("APIGW.0301").credentials);
}

#[test]
fn gateway_codes_are_recognised_by_their_prefix() {
    for code in ["APIGW.0101", "APIG.0308", "apigw.0301", "Apig.1"] {
        assert!(ErrorInfo::is_of_gateway(code), "{code}");
    }
    for code in [
        "",
        "APIG",
        "APIGW",
        "APIGX.0101",
        "Ecs.APIGW.1",
        "Ecs.0114",
        "Common.0011",
    ] {
        assert!(!ErrorInfo::is_of_gateway(code), "{code}");
    }
}
