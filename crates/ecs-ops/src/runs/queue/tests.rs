use std::collections::HashSet;

use ecs_model::ServerId;
use proptest::prelude::*;

use super::{MAX_REFUSALS, RequestQueue};

fn ids(range: std::ops::Range<u32>) -> Vec<ServerId> {
    range
        .map(|number| ServerId::from_bytes(u128::from(number).to_be_bytes()))
        .collect()
}

/// Whom a refusal names.
#[derive(Clone, Copy, Debug)]
enum Names {
    Nobody,
    OneCulprit,
    Culprits,
    Everybody,
    /// Servers without a fault.
    Wrong,
    /// All but one, which is as little use as naming none.
    AllButOne,
}

/// Plays a service that refuses every request with a culprit in it; returns what was accepted and
/// the number of requests.
fn play(
    queue: &mut RequestQueue,
    culprits: &HashSet<ServerId>,
    names: Names,
) -> (Vec<ServerId>, usize) {
    let mut accepted = Vec::new();
    let mut requests = 0;
    while let Some(servers) = queue.next(requests) {
        let index = requests;
        requests += 1;
        let suspects: Vec<_> = servers
            .iter()
            .filter(|id| culprits.contains(id))
            .copied()
            .collect();
        queue.answered(index, suspects.is_empty());
        if suspects.is_empty() {
            accepted.extend(servers);
            continue;
        }
        queue.refused();
        if queue.gives_up().is_some() {
            break;
        }
        if servers.len() > 1 {
            let named = match names {
                Names::Nobody => Vec::new(),
                Names::OneCulprit => suspects[..1].to_vec(),
                Names::Culprits => suspects,
                Names::Everybody => servers.clone(),
                Names::Wrong => servers[..servers.len() / 2]
                    .iter()
                    .filter(|id| !culprits.contains(id))
                    .copied()
                    .collect(),
                Names::AllButOne => servers[1..].to_vec(),
            };
            queue.split(servers, &named);
        }
    }
    (accepted, requests)
}

/// Every single culprit in every request of up to 130: the others are accepted, in at most
/// 2·log2(n) further requests.
#[test]
fn one_culprit_is_found_quickly() {
    for n in 2..130 {
        for culprit in ids(0..n) {
            let mut queue = RequestQueue::new(vec![ids(0..n)]);
            let (accepted, requests) = play(&mut queue, &HashSet::from([culprit]), Names::Nobody);
            assert_eq!(accepted.len(), n as usize - 1);
            assert!(
                f64::from(requests as u32 - 1) <= 2.0 * f64::from(n).log2(),
                "{n}: {requests}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_but_the_culprits_is_accepted_once(
        n in 2_u32..1000,
        culprits in prop::collection::hash_set(0_u32..1000, 1..20),
        names in prop::sample::select(vec![Names::Nobody, Names::OneCulprit, Names::Culprits, Names::Everybody, Names::Wrong, Names::AllButOne]),
    ) {
        let culprits: HashSet<_> = culprits.into_iter().filter(|c| *c < n).flat_map(|c| ids(c..c + 1)).collect();
        let mut queue = RequestQueue::new(vec![ids(0..n)]);
        let (accepted, requests) = play(&mut queue, &culprits, names);
        let expected: HashSet<_> = ids(0..n).into_iter().filter(|id| !culprits.contains(id)).collect();
        prop_assert_eq!(accepted.len(), expected.len());
        prop_assert_eq!(accepted.into_iter().collect::<HashSet<_>>(), expected);
        prop_assert_eq!(queue.left().count(), 0);
        let k = culprits.len() as f64;
        // Wrong names cost something at each step.
        let steps = if matches!(names, Names::Wrong) { 4.0 } else { 2.0 };
        let bound = steps * k * f64::from(n).log2();
        prop_assert!(requests as f64 - 1.0 <= bound, "{} requests for {} of {}", requests, k, n);
    }

    /// A service that refuses everything ends the run after few requests, whatever its size.
    #[test]
    fn a_service_that_refuses_everything(
        sizes in prop::collection::vec(1_u32..1000, 1..40),
        names in prop::sample::select(vec![Names::Nobody, Names::OneCulprit, Names::Everybody]),
    ) {
        let mut from = 0;
        let plan: Vec<_> = sizes.iter().map(|size| { from += size; ids(from - size..from) }).collect();
        let all: HashSet<_> = ids(0..from).into_iter().collect();
        let mut queue = RequestQueue::new(plan);
        let (accepted, requests) = play(&mut queue, &all, names);
        prop_assert_eq!(accepted.len(), 0);
        prop_assert!(requests <= 3 * MAX_REFUSALS as usize, "{} requests", requests);
        if from > 200 {
            prop_assert!(requests <= MAX_REFUSALS as usize, "{} requests", requests);
        }
    }

    /// Neighbours that are refused, as those of a deleted group, do not end the run.
    #[test]
    fn refused_neighbours(start in 0_u32..400, count in 1_u32..100) {
        let culprits: HashSet<_> = ids(start..start + count).into_iter().collect();
        let mut queue = RequestQueue::new(vec![ids(0..500), ids(500..1000)]);
        let (accepted, requests) = play(&mut queue, &culprits, Names::Nobody);
        prop_assert_eq!(accepted.len(), 1000 - count as usize);
        prop_assert!(requests as f64 <= 2.0 + 2.0 * f64::from(count) * 1000_f64.log2());
    }

    /// A service that takes fewer in a request gets fewer, and everybody gets there.
    #[test]
    fn too_many_servers_for_a_request(requests in prop::collection::vec(1_u32..500, 1..5), takes in 1_usize..300) {
        let mut from = 0;
        let plan: Vec<_> = requests.iter().map(|size| { from += size; ids(from - size..from) }).collect();
        let mut queue = RequestQueue::new(plan);
        let mut accepted = Vec::new();
        let mut refused = 0;
        let mut index = 0;
        while let Some(servers) = queue.next(index) {
            queue.answered(index, servers.len() <= takes);
            index += 1;
            if servers.len() <= takes {
                accepted.extend(servers);
            } else {
                refused += 1;
                queue.too_many(servers);
            }
        }
        prop_assert_eq!(accepted, ids(0..from), "in order");
        prop_assert!(refused <= 9, "halving 500 takes 9 steps, not {}", refused);
    }
}
