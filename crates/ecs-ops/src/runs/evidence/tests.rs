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

fn sent() -> SentTimes {
    let at = Some(SENT.parse().unwrap());
    SentTimes { then: at, now: at }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn the_evidence_of_a_server() {
    let at_rest = |status, updated| server(status, None, Some(updated));
    let before = |status| Some(at_rest(status, BEFORE));
    let inconclusive = |message: &str| Observation::Inconclusive(message.to_owned());
    // (action, the server now, before the run, seen at it, trace)
    let table = [
        (
            REBOOT,
            at_rest("ACTIVE", AFTER),
            before("ACTIVE"),
            false,
            Observation::Done,
        ),
        (
            REBOOT,
            at_rest("ACTIVE", AFTER),
            None,
            false,
            Observation::Done,
        ),
        (
            REBOOT,
            server("REBOOT", Some("rebooting"), Some(BEFORE)),
            before("ACTIVE"),
            false,
            Observation::InProgress,
        ),
        (
            REBOOT,
            server("HARD_REBOOT", None, Some(BEFORE)),
            before("ACTIVE"),
            false,
            Observation::InProgress,
        ),
        (
            REBOOT,
            server("ACTIVE", Some("reboot_started"), None),
            None,
            false,
            Observation::InProgress,
        ),
        (
            REBOOT,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            Observation::Unchanged,
        ),
        // Changed at the time of the sending: before it, or after?
        (
            REBOOT,
            at_rest("ACTIVE", JUST),
            before("ACTIVE"),
            false,
            inconclusive("its status is ACTIVE, it was updated 2026-01-01T12:00:00Z"),
        ),
        // … but it was seen at it.
        (
            REBOOT,
            at_rest("ACTIVE", JUST),
            before("ACTIVE"),
            true,
            Observation::Done,
        ),
        // Without the initial state, the absence of a change is not proven.
        (
            REBOOT,
            at_rest("ACTIVE", BEFORE),
            None,
            false,
            inconclusive("its status is ACTIVE, it was updated 2026-01-01T09:00:00Z"),
        ),
        // A restart that went wrong, and one of a server that was off: a soft one leaves that as it
        // is.
        (
            REBOOT,
            at_rest("ERROR", AFTER),
            before("ACTIVE"),
            true,
            inconclusive("its status is ERROR, it was updated 2026-01-01T12:00:31Z"),
        ),
        (
            REBOOT,
            at_rest("SHUTOFF", BEFORE),
            before("SHUTOFF"),
            false,
            Observation::Unaltered(
                "its status is SHUTOFF, it was updated 2026-01-01T09:00:00Z".to_owned(),
            ),
        ),
        // Another user acts on it.
        (
            REBOOT,
            server("ACTIVE", Some("powering-off"), Some(AFTER)),
            before("ACTIVE"),
            false,
            inconclusive(
                "its status is ACTIVE, task powering-off, it was updated 2026-01-01T12:00:31Z",
            ),
        ),
        (
            PowerAction::Start,
            at_rest("ACTIVE", AFTER),
            before("SHUTOFF"),
            false,
            Observation::Done,
        ),
        (
            PowerAction::Start,
            at_rest("SHUTOFF", BEFORE),
            before("SHUTOFF"),
            false,
            Observation::Unchanged,
        ),
        (
            PowerAction::Start,
            server("SHUTOFF", Some("powering-on"), Some(BEFORE)),
            before("SHUTOFF"),
            false,
            Observation::InProgress,
        ),
        // It ran already: a start does nothing to it.
        (
            PowerAction::Start,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            Observation::InPlace(
                "its status is ACTIVE, it was updated 2026-01-01T09:00:00Z".to_owned(),
            ),
        ),
        (
            STOP,
            at_rest("SHUTOFF", AFTER),
            before("ACTIVE"),
            false,
            Observation::Done,
        ),
        (
            STOP,
            at_rest("ACTIVE", BEFORE),
            before("ACTIVE"),
            false,
            Observation::Unchanged,
        ),
        (
            STOP,
            at_rest("ACTIVE", AFTER),
            before("ACTIVE"),
            false,
            inconclusive("its status is ACTIVE, it was updated 2026-01-01T12:00:31Z"),
        ),
        // An unreadable value is no evidence.
        (
            REBOOT,
            server("ACTIVE", None, None),
            Some(server("ACTIVE", None, None)),
            false,
            inconclusive("its status is ACTIVE, it was updated at an unknown time"),
        ),
        (
            REBOOT,
            at_rest("ACTIVE", "yesterday"),
            before("ACTIVE"),
            false,
            inconclusive("its status is ACTIVE, it was updated yesterday"),
        ),
    ];
    for (action, now, before, in_progress, expected) in table {
        let observation = observe(action, Some(&now), before.as_ref(), in_progress, sent());
        assert_eq!(observation, expected, "{action:?} {now:?}");
    }
    // A task that began before the run ends some time, and is not ours.
    for before in [
        server("REBOOT", Some("rebooting"), Some(BEFORE)),
        server("ACTIVE", Some("powering-off"), Some(BEFORE)),
        server("HARD_REBOOT", None, Some(BEFORE)),
    ] {
        let now = at_rest("ACTIVE", AFTER);
        let observation = observe(REBOOT, Some(&now), Some(&before), true, sent());
        let Observation::Inconclusive(message) = observation else {
            panic!("{observation:?}");
        };
        assert!(
            message.starts_with("a task was running on it before the run"),
            "{message}"
        );
    }
    let gone = observe(REBOOT, None, None, true, sent());
    assert_eq!(gone, inconclusive("it is not in the list of servers"));
}

/// A clock that was set between the sending and the list proves neither success nor anything else about
/// an unknown outcome.
#[test]
fn clocks_that_were_set() {
    let time = |text: &str| Some(text.parse().unwrap());
    let now = server("ACTIVE", None, Some(AFTER));
    for (then, listed_at, done) in [
        (time(SENT), time(SENT), true),
        (None, time(SENT), true),
        (time(SENT), time("2026-01-01T12:10:00Z"), false),
        (time("2026-01-01T12:10:00Z"), time(SENT), false),
        (None, None, false),
    ] {
        let sent = SentTimes {
            then,
            now: listed_at,
        };
        let observation = observe(REBOOT, Some(&now), None, false, sent);
        assert_eq!(
            observation == Observation::Done,
            done,
            "{then:?} {listed_at:?}"
        );
    }
}

fn observations() -> impl Strategy<Value = Observation> {
    prop::sample::select(vec![
        Observation::Done,
        Observation::InProgress,
        Observation::Unchanged,
        Observation::Unaltered("?".to_owned()),
        Observation::InPlace("?".to_owned()),
        Observation::Inconclusive("?".to_owned()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_clear_evidence_counts(observations in prop::collection::vec(observations(), 0..8), changed: bool, over: bool) {
        let found = conclusions(&observations, changed, over);
        prop_assert_eq!(found.len(), observations.len());
        let certain = observations.contains(&Observation::Unchanged) && !changed && over;
        for (observation, conclusion) in observations.iter().zip(&found) {
            prop_assert_eq!(*conclusion == Conclusion::Succeeded(Evidence::Server), *observation == Observation::Done);
            let unchanged = matches!(observation, Observation::Unchanged | Observation::Unaltered(_));
            prop_assert_eq!(*conclusion == Conclusion::NotAttempted, unchanged && certain);
            let in_place = matches!(observation, Observation::InPlace(_)) && over;
            prop_assert_eq!(*conclusion == Conclusion::Succeeded(Evidence::WantedState), in_place);
        }
    }
}
