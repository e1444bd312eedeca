//! The division of servers into waves.

use std::collections::{HashMap, HashSet};

use ecs_model::ServerId;
use proptest::prelude::*;

use super::super::plan::ordered;
use super::*;

/// Members in these groups; 0 is none.
fn members(groups: &[u8]) -> Vec<Member> {
    let member = |(number, group): (usize, &u8)| {
        let member = Member::new(id(number)).named(format!("web-{:02}", number * 7 % 31));
        match group {
            0 => member,
            group => member.in_group(format!("az{group}")),
        }
    };
    groups.iter().enumerate().map(member).collect()
}

fn order() -> impl Strategy<Value = Order> {
    let random = any::<u64>().prop_map(|seed| Order::Random { seed });
    prop_oneof![Just(Order::AsGiven), random, Just(Order::ByName)]
}

fn plan(groups: &[u8], wave: CountOrPercent, canary: Option<usize>, order: Order) -> Waves {
    Waves::plan(&members(groups), wave, canary, order).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn waves_keep_every_promise(
        groups in prop::collection::vec(0u8..6, 0..40),
        wave in count_or_percent(),
        canary in prop::option::of(1usize..10),
        order in order(),
    ) {
        let members = members(&groups);
        // A larger one is refused.
        let canary = canary.map(|canary| canary.min(wave.of(members.len()).max(1)));
        let Waves { waves, single, .. } = plan(&groups, wave, canary, order);
        // Each server once.
        let all: Vec<_> = waves.iter().flatten().copied().collect();
        let distinct: HashSet<_> = all.iter().collect();
        prop_assert_eq!((all.len(), distinct.len()), (members.len(), members.len()));
        // Never too many at a time, never none.
        let size = wave.of(members.len()).max(1);
        for (number, wave) in waves.iter().enumerate() {
            prop_assert!((1..=size).contains(&wave.len()));
            prop_assert!(number > 0 || wave.len() <= canary.unwrap_or(size));
        }
        // Never all of a group.
        let group_of: HashMap<ServerId, u8> = members.iter().map(|member| member.id).zip(groups.iter().copied()).collect();
        let in_group = |wave: &[ServerId], group| wave.iter().filter(|id| group_of[*id] == group).count();
        for group in 1..6 {
            let of_all = in_group(&all, group);
            prop_assert_eq!(of_all == 1, single.contains(&format!("az{group}")));
            prop_assert!(of_all < 2 || waves.iter().all(|wave| in_group(wave, group) < of_all));
        }
        // In order, unless a server had to wait as the last of its group; and no wave is smaller
        // than it must be.
        let place: HashMap<ServerId, usize> = ordered(&members, order).iter().enumerate().map(|(place, member)| (member.id, place)).collect();
        let full = |wave: &[ServerId], id: &ServerId| {
            let group = group_of[id];
            group != 0 && in_group(wave, group) + 1 == in_group(&all, group)
        };
        for (number, wave) in waves.iter().enumerate() {
            prop_assert!(wave.is_sorted_by_key(|id| place[id]));
            let size = if number == 0 { canary.unwrap_or(size).min(size) } else { size };
            for later in waves[number + 1..].iter().flatten() {
                let passed_over = wave.len() < size || wave.iter().any(|id| place[id] > place[later]);
                prop_assert!(!passed_over || full(wave, later), "{} waited for no reason", later);
            }
        }
    }
}

#[test]
fn orders() {
    let groups = [0; 20];
    let given = plan(&groups, CountOrPercent::Count(20), None, Order::AsGiven)
        .waves
        .remove(0);
    let random = |seed| {
        plan(
            &groups,
            CountOrPercent::Count(20),
            None,
            Order::Random { seed },
        )
        .waves
        .remove(0)
    };
    assert!(given.is_sorted());
    assert_eq!(random(1), random(1));
    assert_ne!(random(1), random(2));
    assert_ne!(random(1), given);
    let named = ["b", "a", "c"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| Member::new(id(number)).named(name));
    let members: Vec<_> = [Member::new(id(9))].into_iter().chain(named).collect();
    let waves = Waves::plan(&members, CountOrPercent::Count(9), None, Order::ByName).unwrap();
    assert_eq!(waves.waves, [[id(1), id(0), id(2), id(9)]]);
}

#[test]
fn groups() {
    // Two pairs and a loner: never both of a pair.
    let waves = plan(
        &[1, 1, 2, 2, 3],
        CountOrPercent::Count(5),
        None,
        Order::AsGiven,
    );
    assert_eq!(waves.waves, [vec![id(0), id(2), id(4)], vec![id(1), id(3)]]);
    assert_eq!(waves.single, ["az3"]);
    // A canary of one, and waves of one.
    let waves = plan(&[1, 1], CountOrPercent::Count(5), Some(1), Order::AsGiven);
    assert_eq!(waves.waves, [[id(0)], [id(1)]]);
    let invalid =
        |wave, canary| Waves::plan(&members(&[0]), wave, canary, Order::AsGiven).unwrap_err();
    for error in [
        invalid(CountOrPercent::Count(0), None),
        invalid(CountOrPercent::Percent(0), None),
        invalid(CountOrPercent::Count(1), Some(0)),
    ] {
        assert_eq!(error.kind(), crate::ErrorKind::Invalid);
    }
}

#[test]
fn shares() {
    for (text, of, is) in [
        ("0", 9, 0),
        ("5", 9, 5),
        ("50", 9, 9),
        ("0%", 9, 0),
        ("10%", 9, 0),
        ("10%", 19, 1),
        ("100%", 9, 9),
        ("33%", 1000, 330),
    ] {
        let count_or_percent: CountOrPercent = text.parse().unwrap();
        assert_eq!(
            (
                count_or_percent.of(of),
                count_or_percent.to_string().as_str()
            ),
            (is, text)
        );
    }
    assert_eq!(
        CountOrPercent::Percent(99).of(usize::MAX),
        usize::MAX / 100 * 99 + usize::MAX % 100 * 99 / 100
    );
    for text in [
        "",
        "%",
        "-1",
        "+1",
        "1.5",
        "101%",
        "256%",
        "1 %",
        " 1",
        "1%%",
        "ten",
        "99999999999999999999",
    ] {
        let error = text.parse::<CountOrPercent>().unwrap_err().to_string();
        assert!(error.contains("neither a number of servers"), "{error}");
    }
}
