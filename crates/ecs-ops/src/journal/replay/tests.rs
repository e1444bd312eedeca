use proptest::prelude::*;

use super::super::arbitrary_journal::{
    accepted, arbitrary_journal, entries, intent, job, lost, not_executed, outcome_record, run,
    sending, server,
};
use super::*;
use crate::journal::RunRecord;

/// The events of each record.
fn replayed(records: Vec<Record>) -> Vec<Vec<Event>> {
    let mut replay = Replay::default();
    let applied = entries(records).into_iter();
    applied.map(|entry| replay.apply(entry).unwrap()).collect()
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        let event = serde_json::to_value(event).unwrap();
        event["event"].as_str().unwrap().to_owned()
    };
    events.iter().map(name).collect()
}

fn record(run: RunRecord) -> Record {
    Record::Run(Box::new(run))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the records are, the last event about a server is what the report says of it.
    #[test]
    fn the_last_event_of_a_server_is_its_outcome(choices in prop::collection::vec(any::<u8>(), 0..200)) {
        let records = arbitrary_journal(6, 2, &choices);
        let mut replay = Replay::default();
        let mut last = std::collections::HashMap::new();
        for entry in entries(records.clone()) {
            for event in replay.apply(entry).unwrap() {
                match event {
                    Event::Planned { .. } => last.clear(),
                    Event::ServerDone(done) => drop(last.insert(done.id, done.outcome)),
                    _ => {}
                }
            }
        }
        let at_once = Recovered::from_entries(entries(records)).unwrap();
        let recovered = replay.recovered().unwrap();
        prop_assert_eq!(recovered.report(), at_once.report());
        for (id, outcome) in at_once.final_outcomes() {
            // The soft restart of a server that is about to be restarted hard is reported as that.
            if at_once.concluded(&id).is_some() {
                prop_assert_eq!(last.get(&id), Some(outcome));
            }
        }
    }
}

#[test]
fn a_request_is_replayed_from_its_announcement_to_the_end_of_its_job() {
    let done = outcome_record(server(0), OutcomeKind::Succeeded, Some(&job(1)));
    let events_of = replayed(vec![
        record(run(3)),
        intent(1, 1, Purpose::First, &[0]),
        sending(1, 1),
        not_executed(1),
        intent(1, 2, Purpose::First, &[0]),
        sending(1, 2),
        accepted(1),
        Record::Outcomes {
            servers: vec![done],
        },
        Record::Ended {},
    ]);
    let events_of: Vec<_> = events_of.iter().map(|events| names(events)).collect();
    let events_of: Vec<_> = events_of.iter().flatten().map(String::as_str).collect();
    // The second attempt is none of its own.
    assert_eq!(
        events_of,
        ["planned", "submitting", "accepted", "server_done"],
    );
}

#[test]
fn another_process_begins_with_the_known_outcomes() {
    let done = outcome_record(server(0), OutcomeKind::Succeeded, Some(&job(1)));
    let events_of = replayed(vec![
        record(run(4)),
        intent(1, 1, Purpose::First, &[0, 1]),
        sending(1, 1),
        accepted(1),
        Record::Outcomes {
            servers: vec![done],
        },
        intent(2, 1, Purpose::First, &[2]),
        sending(2, 1),
        Record::Resumed {
            program: "test".to_owned(),
            continues_stopped: false,
            invocation: None,
        },
    ]);
    let events = events_of.last().unwrap();
    assert_eq!(names(events), ["planned", "resumed", "server_done"]);
    let Event::Resumed {
        done,
        watched,
        unknown,
        unsent,
    } = events[1]
    else {
        panic!("{events:?}");
    };
    assert_eq!((done, watched, unknown, unsent), (1, 1, 1, 1));
}

#[test]
fn a_lost_answer_is_reconciled_or_ends_its_request() {
    let unknown = outcome_record(server(0), OutcomeKind::Unknown, None);
    for reconciles in [false, true] {
        let mut run = run(1);
        run.reconcile = reconciles;
        let events_of = replayed(vec![
            record(run),
            intent(1, 1, Purpose::First, &[0]),
            sending(1, 1),
            lost(1),
            Record::Outcomes {
                servers: vec![unknown.clone()],
            },
        ]);
        let events_of: Vec<_> = events_of[3..].iter().map(|events| names(events)).collect();
        let expected = ["batch_ended", "server_done"];
        if reconciles {
            assert_eq!(events_of, [vec!["reconciling"], expected.to_vec()])
        } else {
            assert_eq!(events_of, [vec![], expected.to_vec()])
        }
    }
}
