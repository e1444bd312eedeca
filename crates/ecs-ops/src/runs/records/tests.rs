use ecs_model::{RebootType, Server, ServerAction};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::runs::evidence::SentTimes;

const REBOOT: PowerAction = PowerAction::Reboot(RebootType::Soft);
const SENT: &str = "2026-01-01T12:00:00Z";
const US: &str = "752be40780484291a9cc7ae50fff3e6d";

fn record(action: &str, user: &str, time: &str, message: Option<&str>) -> ServerAction {
    serde_json::from_value(json!({
        "action": action, "user_id": user, "message": message, "request_id": "req-1",
        "start_time": format!("2026-01-01T{time}.000000"),
    }))
    .unwrap()
}

fn own() -> OwnIdentity {
    OwnIdentity {
        user: Some(US.to_owned()),
        confirmed: true,
        request_id: None,
    }
}

fn earliest() -> Timestamp {
    let at = Some(SENT.parse().unwrap());
    earliest_start(SentTimes { then: at, now: at }).unwrap()
}

const OURS: Reading = Reading::Ours {
    failed: false,
    superseded: None,
};

#[test]
fn records_of_one_server() {
    let mine = |time| record("reboot", US, time, None);
    let other = |time| record("reboot", "other", time, None);
    let message =
        |time: &str| format!("reboot at 2026-01-01T{time}.000000 by user other, not by this run");
    let rows = [
        (vec![], Reading::Nothing),
        (vec![mine("12:00:03")], OURS),
        // The clock is known to a second or so, and records have whole seconds.
        (vec![mine("11:59:58")], OURS),
        (vec![mine("11:59:30")], Reading::Inconclusive),
        (vec![mine("11:40:00")], Reading::Nothing),
        (vec![other("11:59:30")], Reading::Nothing),
        (
            vec![other("12:00:03")],
            Reading::Others(message("12:00:03")),
        ),
        (
            vec![other("12:00:09"), mine("12:00:03")],
            Reading::Ours {
                failed: false,
                superseded: Some(message("12:00:09")),
            },
        ),
        (vec![mine("12:00:09"), other("12:00:03")], OURS),
        (
            vec![record("reboot", US, "12:00:03", Some("Error"))],
            Reading::Ours {
                failed: true,
                superseded: None,
            },
        ),
        // Another action of our user is not that of this run.
        (
            vec![record("stop", US, "12:00:03", None)],
            Reading::Others(format!(
                "stop at 2026-01-01T12:00:03.000000 by user {US}, not by this run"
            )),
        ),
    ];
    for (records, reading) in rows {
        assert_eq!(
            read(REBOOT, &records, &own(), earliest()),
            reading,
            "{records:?}"
        );
    }
    let mut timeless = mine("12:00:03");
    timeless.start_time = None;
    assert_eq!(
        read(REBOOT, &[timeless], &own(), earliest()),
        Reading::Inconclusive
    );
    let nobody = OwnIdentity::default();
    assert_eq!(
        read(REBOOT, &[other("12:00:03")], &nobody, earliest()),
        Reading::Inconclusive
    );
    let by_request = OwnIdentity {
        request_id: Some("req-1".to_owned()),
        ..OwnIdentity::default()
    };
    let unconfirmed = OwnIdentity {
        confirmed: false,
        ..own()
    };
    let theirs = [other("12:00:03")];
    assert_eq!(
        read(REBOOT, &theirs, &unconfirmed, earliest()),
        Reading::Inconclusive
    );
    let ours = [mine("12:00:03")];
    assert_eq!(read(REBOOT, &ours, &unconfirmed, earliest()), OURS);
    assert_eq!(
        read(REBOOT, &[other("12:00:03")], &by_request, earliest()),
        OURS
    );
}

#[test]
fn a_clock_that_was_set_makes_records_useless() {
    let at = |text: &str| Some(text.parse().unwrap());
    let sent = |then, now| SentTimes { then, now };
    assert_eq!(earliest_start(sent(None, at(SENT))), None);
    assert_eq!(
        earliest_start(sent(at(SENT), at("2026-01-01T12:00:06Z"))),
        None
    );
    let close = earliest_start(sent(at(SENT), at("2026-01-01T11:59:57Z")));
    assert_eq!(close, at("2026-01-01T11:59:52Z"));
}

#[test]
fn how_late_records_come_is_measured() {
    let seconds = |delays: &[Option<u64>]| -> Vec<Option<Duration>> {
        let delay = |delay: &Option<u64>| delay.map(Duration::from_secs);
        delays.iter().map(delay).collect()
    };
    let rows: [(&[Option<u64>], u64, bool); 6] = [
        (&[], 1000, false),
        (&[None], 1000, false),
        (&[Some(10)], 29, false),
        (&[Some(10)], 30, true),
        (&[Some(10), Some(60)], 100, false),
        // A record that is still to come can come at any time.
        (&[Some(10), None], 1000, false),
    ];
    for (delays, age, bounded) in rows {
        let age = Duration::from_secs(age);
        assert_eq!(
            is_delay_bounded(seconds(delays), age),
            bounded,
            "{delays:?}"
        );
    }
}

fn server(status: &str, updated: &str) -> Server {
    serde_json::from_value(json!({"status": status, "updated": updated})).unwrap()
}

/// Servers before and after, by whether each has changed.
fn judge(
    action: PowerAction,
    rows: &[(Option<Reading>, Observation, bool)],
    delay_bounded: bool,
    limit_reached: bool,
) -> Vec<Conclusion> {
    let ids: Vec<_> = (0..rows.len())
        .map(|index| ServerId::from_bytes([u8::try_from(index).unwrap(); 16]))
        .collect();
    let status = match action {
        PowerAction::Start => "SHUTOFF",
        _ => "ACTIVE",
    };
    let before = ids.iter().map(|id| (*id, server(status, "before")));
    let now = ids.iter().zip(rows).map(|(id, (_, _, changed))| {
        let updated = if *changed { "after" } else { "before" };
        let status = if *changed { "ACTIVE" } else { status };
        (*id, server(status, updated))
    });
    let (before, now): (ServerList, ServerList) = (before.collect(), now.collect());
    let observations: Vec<_> = rows.iter().map(|(_, shown, _)| shown.clone()).collect();
    let readings = ids.iter().zip(rows);
    let readings = readings.filter_map(|(id, (reading, ..))| Some((*id, reading.clone()?)));
    let records = RequestRecords {
        readings: readings.collect(),
        delay_bounded,
        trace: None,
        traces_come: false,
    };
    let states = ServerStates {
        action,
        servers: &ids,
        before: &before,
        now: &now,
        observations: &observations,
    };
    let changed = rows.iter().any(|(_, _, changed)| *changed);
    records.conclusions(states, changed, limit_reached)
}

fn other() -> Reading {
    Reading::Others("reboot at T by user U, not by this run".to_owned())
}

#[test]
fn a_restart_with_a_record_on_each_server_succeeded() {
    let done = (Some(OURS), Observation::Done, true);
    // Even if nothing else proves it.
    let inconclusive = Observation::Inconclusive("no clock".to_owned());
    let shown = (Some(OURS), inconclusive, true);
    let all = judge(REBOOT, &[done.clone(), shown], false, false);
    assert_eq!(
        all,
        [
            Conclusion::Succeeded(Evidence::Record),
            Conclusion::Succeeded(Evidence::Record)
        ]
    );
    // Not with the whole set: what the servers show counts.
    let not_yet = (Some(Reading::Nothing), Observation::Unchanged, false);
    let some = judge(REBOOT, &[done, not_yet], false, true);
    assert_eq!(some[0], Conclusion::Succeeded(Evidence::Server));
    assert!(matches!(some[1], Conclusion::Undecided(_)));
}

#[test]
fn another_users_restart_is_not_ours() {
    let theirs = (Some(other()), Observation::Done, true);
    let untouched = (Some(Reading::Nothing), Observation::Unchanged, false);
    let rows = [theirs, untouched];
    let early = judge(REBOOT, &rows, true, false);
    assert!(
        early
            .iter()
            .all(|end| matches!(end, Conclusion::Undecided(_)))
    );
    let unbounded = judge(REBOOT, &rows, false, true);
    assert!(
        unbounded
            .iter()
            .all(|end| matches!(end, Conclusion::Undecided(_)))
    );
    let proven = judge(REBOOT, &rows, true, true);
    let Conclusion::NotRecorded(message) = &proven[0] else {
        panic!("{proven:?}");
    };
    assert!(message.contains("by user U, not by this run"), "{message}");
    assert!(matches!(proven[1], Conclusion::NotRecorded(_)));
}

#[test]
fn a_change_without_a_record_contradicts_the_records() {
    let changed = (Some(Reading::Nothing), Observation::Done, true);
    let early = judge(REBOOT, std::slice::from_ref(&changed), true, false);
    assert_eq!(early, [Conclusion::AwaitingRecord]);
    let contradiction = judge(REBOOT, std::slice::from_ref(&changed), true, true);
    assert!(matches!(contradiction[0], Conclusion::Undecided(_)));
    // Records that may just be late contradict nothing.
    let late = judge(REBOOT, &[changed], false, true);
    assert_eq!(late, [Conclusion::Succeeded(Evidence::Server)]);
}

#[test]
fn a_start_that_had_nothing_to_do_leaves_no_record() {
    let theirs = (Some(other()), Observation::Done, true);
    let ends = judge(PowerAction::Start, &[theirs], true, true);
    assert!(matches!(ends[0], Conclusion::Undecided(_)));
}

/// Concludes about two servers with this finding of the traces; whether they changed.
fn traced(finding: TraceFinding, bounded: bool, changed: [bool; 2], last: bool) -> Vec<Conclusion> {
    let servers = [1, 2].map(|number| ServerId::from_bytes([number; 16]));
    let shown = |updated: &str| {
        let server = serde_json::json!({"status": "ACTIVE", "updated": updated});
        serde_json::from_value::<ecs_model::Server>(server).unwrap()
    };
    let before = servers.iter().map(|id| (*id, shown("before"))).collect();
    let now = servers.iter().zip(changed);
    let now = now.map(|(id, changed)| (*id, shown(if changed { "later" } else { "before" })));
    let observations = changed.map(|changed| {
        if changed {
            Observation::Inconclusive("changed".to_owned())
        } else {
            Observation::Inconclusive("no clock".to_owned())
        }
    });
    let records = RequestRecords {
        trace: Some((finding, bounded)),
        traces_come: false,
        ..RequestRecords::default()
    };
    let states = ServerStates {
        action: REBOOT,
        servers: &servers,
        before: &before,
        now: &now.collect(),
        observations: &observations,
    };
    records.conclusions(states, changed.contains(&true), last)
}

#[test]
fn the_absence_of_a_trace_counts_when_nothing_contradicts_it() {
    let nothing = || TraceFinding::Nothing(HashMap::new());
    let of_other = |id: u8| {
        let message = "rebootServer by user alice".to_owned();
        TraceFinding::Nothing(HashMap::from([(ServerId::from_bytes([id; 16]), message)]))
    };
    let refused = || TraceFinding::Refused("HTTP 400 Ecs.0605".to_owned());
    let not = |conclusions: &[Conclusion]| {
        conclusions
            .iter()
            .all(|conclusion| matches!(conclusion, Conclusion::NotRecorded(_)))
    };
    for finding in [nothing(), of_other(1), refused()] {
        assert!(not(&traced(finding.clone(), true, [false; 2], true)));
        assert!(!not(&traced(finding.clone(), false, [false; 2], true)));
        assert!(!not(&traced(finding, true, [false; 2], false)));
    }
    // A change must be explained.
    assert!(not(&traced(of_other(1), true, [true, false], true)));
    for finding in [nothing(), of_other(2)] {
        assert!(!not(&traced(finding, true, [true, false], true)));
    }
    let inconclusive = TraceFinding::Inconclusive("two of them".to_owned());
    for finding in [inconclusive, TraceFinding::Executed] {
        let found = traced(finding, true, [false; 2], true);
        assert!(
            found
                .iter()
                .all(|one| matches!(one, Conclusion::Undecided(_))),
            "{found:?}"
        );
    }
    let Conclusion::NotRecorded(reason) = &traced(of_other(1), true, [true, false], true)[0] else {
        panic!();
    };
    assert!(
        reason.contains("no trace of it; rebootServer by user alice"),
        "{reason}"
    );
}

fn any_reading() -> impl Strategy<Value = Option<Reading>> {
    prop_oneof![
        Just(None),
        Just(Some(OURS)),
        Just(Some(Reading::Inconclusive)),
        Just(Some(other())),
        Just(Some(Reading::Nothing)),
    ]
}

fn any_observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        Just(Observation::Done),
        Just(Observation::InProgress),
        Just(Observation::Unchanged),
        Just(Observation::Inconclusive("unclear".to_owned())),
    ]
}

proptest! {
    #[test]
    fn absence_and_presence_are_limited_proofs(
        rows in prop::collection::vec((any_reading(), any_observation(), any::<bool>()), 1..5),
        delay_bounded: bool,
        limit_reached: bool,
    ) {
        let ends = judge(REBOOT, &rows, delay_bounded, limit_reached);
        let may_be_ours = |reading: &Option<Reading>| {
            matches!(reading, None | Some(Reading::Ours { .. } | Reading::Inconclusive))
        };
        for (end, (reading, _, changed)) in ends.iter().zip(&rows) {
            match end {
                Conclusion::Succeeded(Evidence::Record) => prop_assert_eq!(reading, &Some(OURS)),
                Conclusion::Succeeded(Evidence::Server) => prop_assert_ne!(reading, &Some(other())),
                Conclusion::NotRecorded(_) => {
                    prop_assert!(delay_bounded && limit_reached);
                    prop_assert!(!rows.iter().any(|(reading, ..)| may_be_ours(reading)));
                    prop_assert!(!changed || *reading == Some(other()));
                }
                Conclusion::NotAttempted => {
                    let ours = |(reading, ..): &(Option<Reading>, Observation, bool)| {
                        *reading == Some(OURS)
                    };
                    prop_assert!(limit_reached && !rows.iter().any(ours));
                }
                Conclusion::Succeeded(Evidence::WantedState) => prop_assert!(limit_reached),
                Conclusion::Succeeded(evidence) => prop_assert!(false, "{evidence:?}"),
                Conclusion::AwaitingRecord => {
                    prop_assert!(!limit_reached && *reading == Some(Reading::Nothing));
                }
                Conclusion::Undecided(_) => {}
            }
        }
    }
}
