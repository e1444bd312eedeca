use ecs_model::ServerId;

use super::*;
use crate::fleet::Lookup;

const PLANNED: &str = "2026-11-24T01:00:00Z";
const BEFORE: &str = "2026-11-24T00:59:59Z";
const AFTER: &str = "2026-11-24T01:00:01Z";
const SOFT: PowerAction = PowerAction::Reboot(RebootType::Soft);
const HARD: PowerAction = PowerAction::Reboot(RebootType::Hard);

fn recheck(skips: bool) -> WaveRecheck {
    let recheck = if skips {
        WaveRecheck::skip()
    } else {
        WaveRecheck::stop()
    };
    recheck.since(PLANNED.parse().unwrap())
}

fn server(status: &str, updated: &str) -> Server {
    let mut server = Server::default();
    server.id = Some(id(1));
    server.name = Some("web-1".to_owned());
    server.status = Some(status.into());
    server.updated = Some(updated.to_owned());
    server
}

fn id(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

#[test]
fn servers_changed_since_the_plan_are_not_ready_for_a_restart() {
    let table = [
        ("ACTIVE", BEFORE, [None, None, None]),
        ("ACTIVE", PLANNED, [None, None, None]),
        ("ACTIVE", AFTER, [Some("changed"), Some("changed"), None]),
        ("SHUTOFF", BEFORE, [None, None, None]),
        ("SHUTOFF", AFTER, [Some("stopped"), Some("stopped"), None]),
        ("REBOOT", BEFORE, [Some("busy"), Some("busy"), Some("busy")]),
        (
            "DELETED",
            BEFORE,
            [Some("not found"), Some("not found"), Some("not found")],
        ),
        // Not to be compared.
        ("ACTIVE", "yesterday", [None, None, None]),
    ];
    for (status, updated, expected) in table {
        let server = server(status, updated);
        for (action, expected) in [SOFT, HARD, PowerAction::Start].into_iter().zip(expected) {
            let reason = recheck(false)
                .reason(action, &server)
                .map(|reason| reason.to_string());
            let fits = match (&reason, expected) {
                (Some(reason), Some(expected)) => reason.starts_with(expected),
                (reason, expected) => reason.is_none() && expected.is_none(),
            };
            assert!(fits, "{status} {updated} {action:?}: {reason:?}");
        }
    }
    let changed = server("ACTIVE", AFTER);
    let without_a_time = WaveRecheck::stop();
    assert_eq!(without_a_time.reason(SOFT, &changed), None);
}

#[test]
fn a_stopped_server_of_the_plan_is_skipped_only_on_request() {
    let stopped = server("SHUTOFF", BEFORE);
    assert_eq!(recheck(true).reason(SOFT, &stopped), Some(Unready::Stopped));
    assert_eq!(recheck(false).reason(SOFT, &stopped), None);
    let busy = server("REBOOT", BEFORE);
    assert_eq!(recheck(true).ignore_busy().reason(SOFT, &busy), None);
}

#[test]
fn absence_needs_evidence() {
    let found = Lookup {
        missing: vec![id(2), id(3)],
        absent: vec![id(3)],
        servers: vec![server("ACTIVE", AFTER)],
    };
    let unready = recheck(true).unready(SOFT, &[id(1), id(2), id(3)], &found);
    let changed = Unready::Changed(AFTER.to_owned());
    let expected = [
        UnreadyServer::new(id(1), Some("web-1".to_owned()), changed),
        UnreadyServer::new(id(3), None, Unready::Absent),
    ];
    assert_eq!(unready, expected);
    assert_eq!(
        reasons(&unready).unwrap(),
        "1 server changed since the run was planned, perhaps restarted by somebody else; \
         1 server not found in the project"
    );
    let one = &unready[1..];
    assert_eq!(reasons(one).unwrap(), "not found in the project");
    assert_eq!(reasons(&[]), None);
}

#[test]
fn the_settings_round_trip() {
    for recheck in [recheck(true), WaveRecheck::stop().ignore_busy()] {
        let text = serde_json::to_string(&recheck).unwrap();
        assert_eq!(serde_json::from_str::<WaveRecheck>(&text).unwrap(), recheck);
    }
    let text = serde_json::to_string(&WaveRecheck::stop()).unwrap();
    assert_eq!(text, r#"{"when_unready":"stop"}"#);
}

#[test]
fn a_resumed_run_keeps_the_time_of_its_plan() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    // The service's clock is an hour ahead.
    let ahead = |local: Timestamp| local.checked_add(hour).ok();
    let resumed = WaveRecheck::stop().since_of(Some(recheck(true)));
    assert_eq!(resumed, recheck(false));
    assert_eq!(resumed.since_or(at(AFTER), ahead), recheck(false));
    let new = WaveRecheck::stop().since_of(None);
    let expected = |local| WaveRecheck::stop().since(ahead(at(local)).unwrap());
    assert_eq!(new.since_or(at(AFTER), ahead), expected(AFTER));
    assert_eq!(new.since_or(at(AFTER), |_| None), WaveRecheck::stop());
    // A change while the servers are read for the plan counts.
    let read = new.read_from(at(BEFORE)).since_or(at(AFTER), ahead);
    assert_eq!(read, expected(BEFORE));
    assert_eq!(
        recheck(true)
            .read_from(at(AFTER))
            .since_or(at(AFTER), ahead),
        recheck(true)
    );
}
