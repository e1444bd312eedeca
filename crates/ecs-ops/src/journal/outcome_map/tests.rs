use std::collections::BTreeMap;

use ecs_client::Problem;
use proptest::prelude::*;

use super::*;
use crate::report::Evidence;

fn server(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

fn outcome(number: u8) -> Outcome {
    let job_id = format!("job-{}", number / 2).parse().ok();
    match number % 2 {
        0 => Outcome::Succeeded {
            job_id,
            evidence: Evidence::SubJob,
        },
        _ => Outcome::Failed {
            job_id,
            error: Problem::new("no"),
        },
    }
}

#[test]
fn outcomes_that_are_alike_are_held_once() {
    let mut map = OutcomeMap::default();
    for number in 0..200 {
        map.insert(server(number), outcome(number % 4));
    }
    assert_eq!((map.len(), map.outcomes.len()), (200, 4));
    assert_eq!(map.get(&server(7)), Some(&outcome(3)));
}

#[test]
fn the_first_outcome_stays() {
    let mut map = OutcomeMap::default();
    map.insert_first(server(1), outcome(0));
    map.insert_first(server(1), outcome(1));
    assert_eq!(map.get(&server(1)), Some(&outcome(0)));
    map.insert(server(1), outcome(1));
    assert_eq!(map.get(&server(1)), Some(&outcome(1)));
}

proptest! {
    /// It holds what a map of whole outcomes holds.
    #[test]
    fn behaves_like_a_map(steps in prop::collection::vec((0_u8..4, 0_u8..6, 0_u8..16), 0..60)) {
        let (mut map, mut plain) = (OutcomeMap::default(), BTreeMap::new());
        for (step, id, number) in steps {
            let (id, outcome) = (server(id), outcome(number));
            match step {
                0 => {
                    map.insert(id, outcome.clone());
                    plain.insert(id, outcome);
                }
                1 => {
                    map.insert_first(id, outcome.clone());
                    plain.entry(id).or_insert(outcome);
                }
                2 => {
                    map.remove(&id);
                    plain.remove(&id);
                }
                _ => {
                    map.retain(|_, known| *known != outcome);
                    plain.retain(|_, known| *known != outcome);
                }
            }
            prop_assert_eq!(map.iter().collect::<BTreeMap<_, _>>(), plain.iter().collect());
            prop_assert_eq!((map.len(), map.is_empty()), (plain.len(), plain.is_empty()));
            prop_assert_eq!(map.get(&id), plain.get(&id));
            prop_assert_eq!(map.contains_key(&id), plain.contains_key(&id));
        }
    }
}
