//! Invariants of a journal, whatever died.

use std::collections::{HashMap, HashSet};

use ecs_ops::journal::{Entry, OutcomeKind, Record};
use ecs_ops::model::ServerId;
use jiff::Timestamp;

/// Checks by the records that servers in flight at any time belong to one wave, and that no wave is
/// too large.
pub(crate) fn check_waves(entries: &[Entry]) {
    let Record::Run(run) = &entries[0].record else {
        panic!("no run: {entries:?}");
    };
    let Some(rolling) = &run.rolling else { return };
    let mut requests: HashMap<usize, (Vec<ServerId>, bool)> = HashMap::new();
    let mut in_flight: HashSet<ServerId> = HashSet::new();
    // Servers that may be at work with an unknown outcome, and since when.
    let mut unresolved: HashMap<ServerId, Timestamp> = HashMap::new();
    let mut sent: HashMap<usize, Timestamp> = HashMap::new();
    let mut began = 0;
    for entry in entries {
        match &entry.record {
            Record::WaveBegan { wave } => {
                assert_eq!(*wave, began, "{entries:#?}");
                assert!(in_flight.is_empty(), "{wave}: {in_flight:?} {entries:#?}");
                let is_over = |at: &Timestamp| entry.at.duration_since(*at).as_secs() >= 180;
                assert!(
                    unresolved.values().all(is_over),
                    "{unresolved:?} {entries:#?}"
                );
                began += 1;
            }
            Record::Intent {
                request, servers, ..
            } => {
                requests.insert(*request, (servers.clone(), false));
                in_flight.extend(servers);
                let of_one = |wave: &Vec<ServerId>| in_flight.iter().all(|id| wave.contains(id));
                assert!(
                    rolling.waves.iter().any(of_one),
                    "{in_flight:?} {entries:#?}"
                );
                assert!(began > 0);
                sent.insert(*request, entry.at);
            }
            Record::Sending { request, .. } => drop(sent.insert(*request, entry.at)),
            Record::Accepted { request, .. } => requests.get_mut(request).unwrap().1 = true,
            Record::NotExecuted { request, .. } => {
                let (servers, _) = requests.remove(request).unwrap();
                in_flight.retain(|id| !servers.contains(id));
            }
            Record::AnswerLost { request, .. } => {
                let (servers, _) = requests.remove(request).unwrap();
                in_flight.retain(|id| !servers.contains(id));
                unresolved.extend(servers.into_iter().map(|id| (id, sent[request])));
            }
            Record::Outcomes { servers } | Record::Escalating { servers } => {
                for outcome in servers
                    .iter()
                    .filter(|value| value.outcome != OutcomeKind::Unknown)
                {
                    unresolved.remove(&outcome.id);
                }
                in_flight.retain(|id| servers.iter().all(|outcome| outcome.id != *id));
            }
            // The journal knows no more about servers that were not accepted by then.
            Record::Resumed { .. } => {
                for (request, (servers, _)) in requests.iter().filter(|(_, value)| !value.1) {
                    in_flight.retain(|id| !servers.contains(id));
                    unresolved.extend(servers.iter().map(|id| (*id, sent[request])));
                }
                requests.retain(|_, (_, accepted)| *accepted);
            }
            _ => {}
        }
    }
}

/// Checks by the records that nothing is sent once too many servers failed, until that was
/// reported.
pub(crate) fn check_budget(entries: &[Entry]) {
    let Record::Run(run) = &entries[0].record else {
        panic!("no run: {entries:?}");
    };
    let allowed = run.rolling.as_ref().and_then(|value| value.max_failures);
    let Some(allowed) = allowed else { return };
    let (mut failed, mut known) = (0, HashSet::new());
    for entry in entries {
        match &entry.record {
            Record::Outcomes { servers } => {
                let bad = [OutcomeKind::Failed, OutcomeKind::Unknown];
                let bad = servers.iter().filter(|value| bad.contains(&value.outcome));
                // A server that stays unknown is recorded again.
                failed += bad.filter(|value| known.insert(value.id)).count();
            }
            Record::Ended {} if failed > allowed => failed = 0,
            Record::Intent { .. } => assert!(failed <= allowed, "{failed} {entries:#?}"),
            _ => {}
        }
    }
}
