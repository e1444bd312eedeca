//! Jobs of requests whose answer was lost.

use super::*;

/// A request of which some servers have an outcome is not recognized by the whole set of its servers.
#[test]
fn a_lost_request_that_is_decided_in_part_is_partial() {
    let mut records = vec![
        intent(1, 1, Purpose::First, &[0, 1]),
        sending(1, 1),
        lost(1),
    ];
    assert!(!after(&records).unwrap().unknown_requests()[0].is_partial);
    records.push(outcome_records(&[(0, OutcomeKind::Succeeded, None)]));
    let left = after(&records).unwrap().unknown_requests().remove(0);
    assert_eq!((left.servers, left.is_partial), (vec![server(1)], true));
}

/// The job of a request whose answer was lost was found by its trace: it is polled like any other.
/// Seed 1471 of `cargo xtask sweep --lives 1`: the journal of such a run could not be read.
#[test]
fn a_lost_request_can_be_found_after_its_resubmission_was_refused() {
    let mut records = vec![
        intent(1, 1, Purpose::First, &[0]),
        sending(1, 1),
        lost(1),
        intent(2, 1, Purpose::Resubmit, &[0]),
        sending(2, 1),
        not_executed(2),
        outcome_records(&[(0, OutcomeKind::Unknown, None)]),
        accepted(1),
    ];
    let found = after(&records).unwrap();
    let progress = Some(ServerProgress::Accepted { request: 1 });
    assert_eq!(found.progress(server(0)), progress);
    assert_eq!(found.accepted_requests()[0].servers, [server(0)]);
    // It is sent neither a third time nor hard.
    for again in [
        intent(2, 2, Purpose::Resubmit, &[0]),
        intent(3, 1, Purpose::Resubmit, &[0]),
        escalating(0, "job-1"),
    ] {
        let mut records = records.clone();
        records.push(again);
        assert!(after(&records).is_err());
    }
    records.push(outcome_records(&[(0, OutcomeKind::Failed, Some("job-1"))]));
    let ended = after(&records).unwrap();
    let progress = ended.progress(server(0));
    assert!(matches!(progress, Some(ServerProgress::Finished(_))));
}

#[test]
fn a_lost_request_can_be_found_to_be_accepted() {
    let mut records = vec![
        intent(1, 1, Purpose::First, &[0, 1]),
        sending(1, 1),
        lost(1),
    ];
    assert_eq!(after(&records).unwrap().unknown_requests().len(), 1);
    records.push(accepted(1));
    let found = after(&records).unwrap();
    assert!(found.unknown_requests().is_empty());
    assert_eq!(found.accepted_requests()[0].servers.len(), 2);
    // Once.
    records.push(accepted(1));
    assert!(after(&records).is_err());
}
