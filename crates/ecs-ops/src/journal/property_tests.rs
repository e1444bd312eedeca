use std::collections::HashSet;

use ecs_model::ServerId;
use proptest::prelude::*;

use super::story::*;
use super::*;

fn recover(records: &[Record]) -> Recovered {
    Recovered::from_entries(entries(records.to_vec())).unwrap()
}

/// Each server is in exactly one of the four lists.
fn all_lists(recovered: &Recovered) -> Vec<ServerId> {
    let accepted = recovered
        .accepted()
        .into_iter()
        .flat_map(|batch| batch.servers);
    let doubtful = recovered
        .doubtful()
        .into_iter()
        .flat_map(|batch| batch.servers);
    let verdicts = recovered.verdicts().map(|verdict| verdict.id);
    let mut all: Vec<_> = recovered
        .unsent()
        .into_iter()
        .chain(accepted)
        .chain(doubtful)
        .chain(verdicts)
        .collect();
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a run does, and wherever it ends: no contradiction, every server in one place, and nothing that may have
    /// been executed may be sent, also if the last line is lost.
    #[test]
    fn a_run_that_ends_anywhere(count in 1usize..12, size in 1usize..5, choices in prop::collection::vec(any::<u8>(), 0..150)) {
        let records = story(count, size, &choices);
        for end in 1..=records.len() {
            let before = &records[..end];
            let recovered = recover(before);
            prop_assert_eq!(all_lists(&recovered), servers(count));
            let unsent: HashSet<_> = recovered.unsent().into_iter().collect();
            let with_the_lost_line = &records[..(end + 1).min(records.len())];
            for id in perhaps_executed(before).union(&perhaps_executed(with_the_lost_line)) {
                prop_assert!(!unsent.contains(id), "{} may be sent after {} records", id, end);
            }
        }
    }

    /// What is certain is not given away: what was never intended, or was not executed, may be sent.
    #[test]
    fn what_is_certain(count in 1usize..12, size in 1usize..5, choices in prop::collection::vec(any::<u8>(), 0..150)) {
        let records = story(count, size, &choices);
        let recovered = recover(&records);
        let perhaps = perhaps_executed(&records);
        let mut open: HashSet<ServerId> = HashSet::new();
        let mut done: HashSet<ServerId> = HashSet::new();
        for record in &records {
            match record {
                Record::Intent { servers, .. } => open.extend(servers),
                Record::NotExecuted { batch, .. } => {
                    for record in &records {
                        if let Record::Intent { batch: of, servers, .. } = record && of == batch {
                            servers.iter().for_each(|id| { open.remove(id); });
                        }
                    }
                }
                Record::Verdicts { servers } => for verdict in servers {
                    match verdict.outcome {
                        Verdict::NotAttempted => { open.remove(&verdict.id); done.remove(&verdict.id); }
                        _ => { done.insert(verdict.id); }
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
        // Every accepted job whose servers have no verdict is waited for.
        for batch in recovered.accepted() {
            prop_assert_eq!(batch.ticket.job_id().as_str(), job(batch.batch));
        }
    }
}
