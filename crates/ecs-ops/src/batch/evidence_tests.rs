use ecs_model::{RebootType, Server};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const REBOOT: PowerAction = PowerAction::Reboot(RebootType::Soft);
const STOP: PowerAction = PowerAction::Stop(None);

/// The request was sent at 12:00:00 by the service's clock.
const SENT: &str = "2026-01-01T12:00:00Z";
const BEFORE: &str = "2026-01-01T09:00:00Z";
const JUST: &str = SENT;
const AFTER: &str = "2026-01-01T12:00:31Z";

fn server(status: &str, task: Option<&str>, updated: Option<&str>) -> Server {
    let server = json!({"status": status, "OS-EXT-STS:task_state": task, "updated": updated});
    serde_json::from_value(server).unwrap()
}

fn sent() -> Sent {
    let at = Some(SENT.parse().unwrap());
    Sent { then: at, now: at }
}

#[test]
fn what_a_server_tells() {
    let at_rest = |status, updated| server(status, None, Some(updated));
    let before = |status| Some(at_rest(status, BEFORE));
    let unclear = |words: &str| Trace::Unclear(words.to_owned());
    // (action, the server now, before the run, seen at it, trace)
    let table = [
        (
            REBOOT,
            at_rest("ACTIVE", AFTER),
            before("ACTIVE"),
            false,
            Trace::Done,
        ),
        (REBOOT, at_rest("ACTIVE", AFTER), None, false, Trace::Done),
        (
            REBOOT,
            server("REBOOT", Some("rebooting"), Some(BEFORE)),
            before("ACTIVE"),
            false,
            Trace::Busy,
        ),
        (
            REBOOT,
            server("HARD_REBOOT", None, Some(BEFORE)),
            before("ACTIVE"),
            false,
            Trace::Busy,
        ),
        (
            REBOOT,
            server("ACTIVE", Some("reboot_started"), None),
            None,
            false,
            Trace::Busy,
        ),
        (
            REBOOT,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            Trace::None,
        ),
        // Changed at the time of the sending: before it, or after?
        (
            REBOOT,
            at_rest("ACTIVE", JUST),
            before("ACTIVE"),
            false,
            unclear("its status is ACTIVE, it was updated 2026-01-01T12:00:00Z"),
        ),
        // … but it was seen at it.
        (
            REBOOT,
            at_rest("ACTIVE", JUST),
            before("ACTIVE"),
            true,
            Trace::Done,
        ),
        // Without knowing how it was before, nobody can say that nothing happened.
        (
            REBOOT,
            at_rest("ACTIVE", BEFORE),
            None,
            false,
            unclear("its status is ACTIVE, it was updated 2026-01-01T09:00:00Z"),
        ),
        // A restart that went wrong, and one of a server that was off: a soft one leaves that as it is.
        (
            REBOOT,
            at_rest("ERROR", AFTER),
            before("ACTIVE"),
            true,
            unclear("its status is ERROR, it was updated 2026-01-01T12:00:31Z"),
        ),
        (
            REBOOT,
            at_rest("SHUTOFF", BEFORE),
            before("SHUTOFF"),
            false,
            unclear("its status is SHUTOFF, it was updated 2026-01-01T09:00:00Z"),
        ),
        // Somebody else is at it.
        (
            REBOOT,
            server("ACTIVE", Some("powering-off"), Some(AFTER)),
            before("ACTIVE"),
            false,
            unclear("its status is ACTIVE, task powering-off, it was updated 2026-01-01T12:00:31Z"),
        ),
        (
            PowerAction::Start,
            at_rest("ACTIVE", AFTER),
            before("SHUTOFF"),
            false,
            Trace::Done,
        ),
        (
            PowerAction::Start,
            at_rest("SHUTOFF", BEFORE),
            before("SHUTOFF"),
            false,
            Trace::None,
        ),
        (
            PowerAction::Start,
            server("SHUTOFF", Some("powering-on"), Some(BEFORE)),
            before("SHUTOFF"),
            false,
            Trace::Busy,
        ),
        // It ran already: a start does nothing to it.
        (
            PowerAction::Start,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            unclear("its status is ACTIVE, it was updated 2026-01-01T09:00:00Z"),
        ),
        (
            STOP,
            at_rest("SHUTOFF", AFTER),
            before("ACTIVE"),
            false,
            Trace::Done,
        ),
        (
            STOP,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            Trace::None,
        ),
        (
            STOP,
            at_rest("ACTIVE", AFTER),
            before("ACTIVE"),
            false,
            unclear("its status is ACTIVE, it was updated 2026-01-01T12:00:31Z"),
        ),
        // What cannot be read is no evidence.
        (
            REBOOT,
            server("ACTIVE", None, None),
            Some(server("ACTIVE", None, None)),
            false,
            unclear("its status is ACTIVE, it was updated nobody knows when"),
        ),
        (
            REBOOT,
            at_rest("ACTIVE", "yesterday"),
            before("ACTIVE"),
            false,
            unclear("its status is ACTIVE, it was updated yesterday"),
        ),
    ];
    for (action, now, before, busy, expected) in table {
        let trace = trace(action, Some(&now), before.as_ref(), busy, sent());
        assert_eq!(trace, expected, "{action:?} {now:?}");
    }
    // What was underway before the run ends some time, and is not ours.
    for before in [
        server("REBOOT", Some("rebooting"), Some(BEFORE)),
        server("ACTIVE", Some("powering-off"), Some(BEFORE)),
        server("HARD_REBOOT", None, Some(BEFORE)),
    ] {
        let now = at_rest("ACTIVE", AFTER);
        let trace = trace(REBOOT, Some(&now), Some(&before), true, sent());
        let Trace::Unclear(words) = trace else {
            panic!("{trace:?}");
        };
        assert!(
            words.starts_with("something was done to it before the run"),
            "{words}"
        );
    }
    let gone = trace(REBOOT, None, None, true, sent());
    assert_eq!(gone, unclear("it is not in the list of servers"));
}

/// A clock that was set between the sending and the look makes neither success nor anything else of what is unclear.
#[test]
fn clocks_that_were_set() {
    let time = |text: &str| Some(text.parse().unwrap());
    let now = server("ACTIVE", None, Some(AFTER));
    for (then, look, done) in [
        (time(SENT), time(SENT), true),
        (None, time(SENT), true),
        (time(SENT), time("2026-01-01T12:10:00Z"), false),
        (time("2026-01-01T12:10:00Z"), time(SENT), false),
        (None, None, false),
    ] {
        let sent = Sent { then, now: look };
        let trace = trace(REBOOT, Some(&now), None, false, sent);
        assert_eq!(trace == Trace::Done, done, "{then:?} {look:?}");
    }
}

fn traces() -> impl Strategy<Value = Trace> {
    prop::sample::select(vec![
        Trace::Done,
        Trace::Busy,
        Trace::None,
        Trace::Unclear("?".to_owned()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_clear_evidence_counts(traces in prop::collection::vec(traces(), 0..8), touched: bool, over: bool) {
        let found = findings(&traces, touched, over);
        prop_assert_eq!(found.len(), traces.len());
        for (trace, finding) in traces.iter().zip(&found) {
            prop_assert_eq!(*finding == Finding::Succeeded, *trace == Trace::Done);
            let untouched = *trace == Trace::None && !touched && over;
            prop_assert_eq!(*finding == Finding::NotAttempted, untouched);
        }
    }
}
