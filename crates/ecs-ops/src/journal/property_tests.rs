use std::collections::HashSet;

use ecs_model::ServerId;
use proptest::prelude::*;

use super::arbitrary_journal::*;
use super::*;

fn recover(records: &[Record]) -> Recovered {
    Recovered::from_entries(entries(records.to_vec())).unwrap()
}

/// Each server is in exactly one of the four lists.
fn all_lists(recovered: &Recovered) -> Vec<ServerId> {
    let accepted = recovered
        .accepted_requests()
        .into_iter()
        .flat_map(|request| request.servers);
    let unknown = recovered
        .unknown_requests()
        .into_iter()
        .flat_map(|request| request.servers);
    let outcome_records = recovered.final_outcomes().map(|(id, _)| id);
    let mut all: Vec<_> = recovered
        .unsent()
        .into_iter()
        .chain(accepted)
        .chain(unknown)
        .chain(outcome_records)
        .collect();
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// For any run and any end: no contradiction, every server in one place, and
    /// nothing that may have been executed may be sent, also if the last line is lost.
    #[test]
    fn a_run_that_ends_anywhere(count in 1usize..12, size in 1usize..5, choices in prop::collection::vec(any::<u8>(), 0..150)) {
        let records = arbitrary_journal(count, size, &choices);
        for end in 1..=records.len() {
            let initial_state = &records[..end];
            let recovered = recover(initial_state);
            prop_assert_eq!(all_lists(&recovered), servers(count));
            let unsent: HashSet<_> = recovered.unsent().into_iter().collect();
            let with_the_lost_line = &records[..(end + 1).min(records.len())];
            for id in perhaps_executed(initial_state).union(&perhaps_executed(with_the_lost_line)) {
                prop_assert!(!unsent.contains(id), "{} may be sent after {} records", id, end);
            }
        }
    }

    /// Certainty is kept: servers that were never intended, or were not executed, may be
    /// sent.
    #[test]
    fn certain_servers(count in 1usize..12, size in 1usize..5, choices in prop::collection::vec(any::<u8>(), 0..150)) {
        let records = arbitrary_journal(count, size, &choices);
        let recovered = recover(&records);
        let perhaps = perhaps_executed(&records);
        let mut open: HashSet<ServerId> = HashSet::new();
        let mut done: HashSet<ServerId> = HashSet::new();
        for record in &records {
            match record {
                Record::Intent { servers, .. } => open.extend(servers),
                Record::NotExecuted { request, .. } => {
                    for record in &records {
                        if let Record::Intent { request: of, servers, .. } = record && of == request {
                            servers.iter().for_each(|id| { open.remove(id); });
                        }
                    }
                }
                Record::Outcomes { servers } => for outcome_record in servers {
                    match outcome_record.outcome {
                        OutcomeKind::NotAttempted => { open.remove(&outcome_record.id); done.remove(&outcome_record.id); }
                        _ => { done.insert(outcome_record.id); }
                    }
                },
                _ => {}
            }
        }
        let unsent: HashSet<_> = recovered.unsent().into_iter().collect();
        for id in servers(count) {
            let certain = !perhaps.contains(&id) && !open.contains(&id) && !done.contains(&id);
            prop_assert!(!certain || unsent.contains(&id), "{} is free", id);
        }
        // Every accepted job whose servers have no outcome is waited for.
        for request in recovered.accepted_requests() {
            prop_assert_eq!(request.ticket.job_id().as_str(), job(request.request));
        }
    }
}
