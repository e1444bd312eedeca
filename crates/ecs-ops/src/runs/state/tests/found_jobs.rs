//! A job that was found after the answer to its request was lost: its servers are never restarted
//! hard, since a second restart never rests on a first one whose answer was lost.

use jiff::Timestamp;

use super::*;
use crate::journal::{Entry, ErrorRecord, Record, Recovered, RunRecord};

const SOFT: PowerAction = PowerAction::Reboot(RebootType::Soft);

fn options() -> RunOptions {
    RunOptions {
        on_unknown: UnknownPolicy {
            reconcile: true,
            resubmit: false,
        },
        escalate_after: Some(Duration::from_secs(60)),
        ..RunOptions::default()
    }
}

/// A run of one server, whose only request is underway.
fn underway() -> RunState {
    let plan = RequestPlan::new(SOFT, &[id(0)], 1);
    let mut state = RunState::new("run".to_owned(), vec![id(0)], plan, options());
    assert_eq!(state.next_request(), Some(0));
    state
}

/// Returns whether the server is restarted hard if its job fails.
fn escalates(mut state: RunState) -> bool {
    let job = json!({"status": "FAIL", "entities": {"sub_jobs": [
        {"status": "FAIL", "entities": {"server_id": id(0)}, "fail_reason": "no"}
    ]}});
    let job: Job = serde_json::from_value(job).unwrap();
    let events = state.polled(0, &job, true);
    let ended = events
        .iter()
        .any(|event| matches!(event, Event::ServerDone(_)));
    let decided = state.conclude(events);
    let escalated = decided
        .records
        .iter()
        .any(|record| matches!(record, Record::Escalating { .. }));
    assert_ne!(ended, escalated);
    escalated
}

#[test]
fn the_failure_of_a_found_job_is_final() {
    let mut accepted = underway();
    accepted.accepted(accepted_as(0, "j")).unwrap();
    assert!(escalates(accepted));
    let mut found = underway();
    found.not_accepted(0, failure(Classification::Unknown, None, StopCause::GaveUp));
    found.found_job(accepted_as(0, "j")).unwrap();
    assert!(!escalates(found));
}

#[test]
fn the_failure_of_a_found_job_is_final_in_a_resumed_run() {
    let at: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    for lost in [false, true] {
        let endpoint = "https://ecs.example".parse().unwrap();
        let project = "p1".parse().unwrap();
        let run = RunRecord::new("run", &endpoint, project, SOFT, vec![id(0)]);
        let intent = Record::Intent {
            request: 1,
            attempt: 1,
            purpose: Purpose::First,
            servers: vec![id(0)],
        };
        let sending = Record::Sending {
            request: 1,
            attempt: 1,
            remote: None,
        };
        let mut records = vec![Record::Run(Box::new(run)), intent, sending];
        records.extend(lost.then(|| Record::AnswerLost {
            request: 1,
            error: ErrorRecord::from(&Problem::new("lost")),
        }));
        records.push(accepted_as(0, "j").record());
        let entries = (0..).zip(records);
        let entries = entries.map(|(seq, record)| Entry::new(seq, at, record));
        let recovered = Recovered::from_entries(entries).unwrap();
        let plan = RequestPlan::new(SOFT, &[], 1);
        let (state, _) = RunState::resumed(plan, &recovered, options());
        assert_eq!(escalates(state), !lost);
    }
}
