use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_model::ServerId;
use proptest::prelude::*;

use super::plan::ordered;
use super::*;

pub(super) fn id(number: usize) -> ServerId {
    ServerId::from_bytes(u128::try_from(number).unwrap().to_be_bytes())
}

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

/// After a process that reported how it ended.
fn resumed(awaited: &[usize], unsent: &[usize]) -> WaveEvent {
    gone_on(true, awaited, unsent)
}

fn gone_on(reported: bool, awaited: &[usize], unsent: &[usize]) -> WaveEvent {
    WaveEvent::Resumed {
        reported,
        awaited: awaited.iter().copied().map(id).collect(),
        unsent: unsent.iter().copied().map(id).collect(),
    }
}

pub(super) fn count_or_percent() -> impl Strategy<Value = CountOrPercent> {
    prop_oneof![
        (1usize..20).prop_map(CountOrPercent::Count),
        (1u8..=100).prop_map(CountOrPercent::Percent)
    ]
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
fn what_does_not_fit_changes_nothing() {
    let waves = || vec![vec![id(0)], vec![], vec![id(1)]];
    let rules = Rules {
        check_health: true,
        ..Rules::default()
    };
    let mut rolling = Rolling::new(waves(), rules);
    assert_eq!(rolling.waves().len(), 2);
    let odd = [
        WaveEvent::Began { wave: 1 },
        WaveEvent::Ended {
            server: id(0),
            succeeded: false,
        },
        WaveEvent::Healthy,
        WaveEvent::Unhealthy(String::new()),
        WaveEvent::Answered(false),
        WaveEvent::Paused,
        resumed(&[], &[0, 1]),
    ];
    for event in odd {
        assert_eq!(rolling.on(event), WaveAction::Start { wave: 0 });
    }
    assert_eq!(
        rolling.on(WaveEvent::Began { wave: 0 }),
        WaveAction::Await { wave: 0 }
    );
    assert_eq!(
        rolling.on(WaveEvent::Ended {
            server: id(1),
            succeeded: true
        }),
        WaveAction::Await { wave: 0 }
    );
    assert_eq!(
        rolling.on(WaveEvent::Ended {
            server: id(0),
            succeeded: false
        }),
        WaveAction::CheckHealth { wave: 0 }
    );
    assert_eq!(
        Rolling::new(vec![], Rules::default()).action(),
        WaveAction::Done
    );
}

#[test]
fn a_canary_and_its_question() {
    let paused = |wave| WaveAction::Pause {
        wave,
        pause: Duration::from_secs(30),
    };
    let rules = Rules {
        canary: Some(AfterCanary::Ask),
        pause: Duration::from_secs(30),
        check_health: true,
        ..Rules::default()
    };
    let mut rolling = Rolling::new(vec![vec![id(0)], vec![id(1)], vec![id(2)]], rules);
    let wave = |rolling: &mut Rolling, wave| {
        rolling.on(WaveEvent::Began { wave });
        rolling.on(WaveEvent::Ended {
            server: id(wave),
            succeeded: true,
        })
    };
    assert_eq!(wave(&mut rolling, 0), WaveAction::CheckHealth { wave: 0 });
    assert_eq!(
        rolling.on(WaveEvent::Unhealthy("down".to_owned())),
        WaveAction::Stop(StopReason::Unhealthy {
            wave: 1,
            message: "down".to_owned()
        })
    );
    // The service was mended: health is checked again.
    assert_eq!(
        rolling.on(resumed(&[], &[1, 2])),
        WaveAction::CheckHealth { wave: 0 }
    );
    assert_eq!(rolling.on(WaveEvent::Healthy), WaveAction::Ask);
    assert_eq!(
        rolling.on(WaveEvent::Answered(false)),
        WaveAction::Stop(StopReason::Declined)
    );
    assert_eq!(rolling.on(resumed(&[], &[1, 2])), WaveAction::Ask);
    assert_eq!(rolling.on(WaveEvent::Answered(true)), paused(0));
    assert_eq!(rolling.on(WaveEvent::Paused), WaveAction::Start { wave: 1 });
    assert_eq!(wave(&mut rolling, 1), WaveAction::CheckHealth { wave: 1 });
    assert_eq!(rolling.on(WaveEvent::Healthy), paused(1));
    assert_eq!(wave(&mut rolling, 2), WaveAction::CheckHealth { wave: 2 });
    assert_eq!(rolling.on(WaveEvent::Healthy), WaveAction::Done);
}

#[test]
fn too_many_failures_stop_at_once_and_a_resumed_run_counts_anew() {
    let rules = Rules {
        max_failures: Some(CountOrPercent::Percent(25)),
        ..Rules::default()
    };
    let mut rolling = Rolling::new(
        vec![(0..4).map(id).collect(), (4..8).map(id).collect()],
        rules,
    );
    rolling.on(WaveEvent::Began { wave: 0 });
    let ended = |rolling: &mut Rolling, server, succeeded| {
        rolling.on(WaveEvent::Ended {
            server: id(server),
            succeeded,
        })
    };
    assert_eq!(ended(&mut rolling, 0, false), WaveAction::Await { wave: 0 });
    assert_eq!(ended(&mut rolling, 1, false), WaveAction::Await { wave: 0 });
    let stop = |failed| WaveAction::Stop(StopReason::Failures { failed, allowed: 2 });
    assert_eq!(ended(&mut rolling, 2, false), stop(3));
    let mut all_failed = rolling.clone();
    assert_eq!(ended(&mut all_failed, 3, false), stop(4));
    assert_eq!(all_failed.on(WaveEvent::Began { wave: 1 }), stop(4));
    assert_eq!(
        all_failed.on(resumed(&[], &[4, 5, 6, 7])),
        WaveAction::Start { wave: 1 }
    );
    assert_eq!(rolling.on(WaveEvent::Began { wave: 1 }), stop(3));
    assert_eq!(
        rolling.on(resumed(&[3], &[4, 5, 6, 7])),
        WaveAction::Await { wave: 0 }
    );
    assert_eq!(ended(&mut rolling, 3, false), WaveAction::Start { wave: 1 });
    let WaveAction::Stop(reason) = stop(3) else {
        panic!()
    };
    assert_eq!(reason.to_string(), "3 servers failed (limit: 2)");
}

/// A crash is no pardon: only a stop for failures that somebody was told of is.
#[test]
fn failures_before_a_crash_count() {
    let rules = Rules {
        max_failures: Some(CountOrPercent::Count(0)),
        ..Rules::default()
    };
    let mut rolling = Rolling::new(vec![vec![id(0), id(1)], vec![id(2)]], rules);
    rolling.on(WaveEvent::Began { wave: 0 });
    let failed = |server| WaveEvent::Ended {
        server: id(server),
        succeeded: false,
    };
    rolling.on(failed(0));
    let too_many = |failed| WaveAction::Stop(StopReason::Failures { failed, allowed: 0 });
    for _ in 0..2 {
        assert_eq!(rolling.on(gone_on(false, &[1], &[2])), too_many(1));
    }
    assert_eq!(rolling.on(failed(1)), too_many(2));
    assert_eq!(
        rolling.on(gone_on(true, &[], &[2])),
        WaveAction::Start { wave: 1 }
    );
    assert_eq!(rolling.failed(), 0);
    let rules = Rules {
        max_failures: Some(CountOrPercent::Count(1)),
        ..Rules::default()
    };
    let mut rolling = Rolling::new(vec![vec![id(0), id(1)], vec![id(2)]], rules);
    rolling.on(WaveEvent::Began { wave: 0 });
    rolling.on(failed(0));
    // Nor is a report of something else.
    for reported in [false, true] {
        let action = rolling.on(gone_on(reported, &[1], &[2]));
        assert_eq!(
            (action, rolling.failed()),
            (WaveAction::Await { wave: 0 }, 1)
        );
    }
    assert!(matches!(rolling.on(failed(1)), WaveAction::Stop(_)));
}

/// Servers left over from finished waves come last; those of the last wave come at once.
#[test]
fn what_is_left_comes_when_somebody_goes_on() {
    let waves = vec![
        vec![id(0), id(1)],
        vec![id(2), id(3)],
        vec![id(4), id(5)],
        vec![id(6)],
    ];
    let mut rolling = Rolling::new(waves, Rules::default());
    // Of a process that knew that each wave was over.
    for wave in 0..3 {
        rolling.on(WaveEvent::Began { wave });
    }
    let awaits = rolling.on(resumed(&[4], &[1, 3, 5, 6]));
    assert_eq!(awaits, WaveAction::Await { wave: 2 });
    assert_eq!(rolling.waves()[4..], [[id(1)], [id(3)]]);
    let left: Vec<_> = rolling.remaining().map(|(wave, _)| wave).collect();
    assert_eq!(left, [2, 3, 4, 5]);
    for server in [4, 5] {
        let succeeded = true;
        let server = id(server);
        rolling.on(WaveEvent::Ended { server, succeeded });
    }
    assert_eq!(rolling.action(), WaveAction::Start { wave: 3 });
    // All began, all are over, one is left.
    for wave in 3..6 {
        rolling.on(WaveEvent::Began { wave });
    }
    assert_eq!(
        rolling.on(resumed(&[], &[6])),
        WaveAction::Start { wave: 6 }
    );
    assert_eq!(rolling.waves()[6], [id(6)]);
    rolling.on(WaveEvent::Began { wave: 6 });
    assert_eq!(
        rolling.on(resumed(&[], &[6])),
        WaveAction::Await { wave: 6 }
    );
    assert_eq!(rolling.on(resumed(&[], &[])), WaveAction::Done);
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

#[test]
fn a_hard_restart_only_after_a_soft_one_that_is_over() {
    use Escalation::{Hard, No, NotYet};
    use FirstRestart::*;
    let after = Duration::from_secs(300);
    let early = after - Duration::from_nanos(1);
    for (first, before, from_then_on) in [
        (Failed, Hard, Hard),
        (Denied, No, No),
        (NotBack, NotYet, Hard),
    ] {
        assert_eq!(escalate(first, early, after, false), before, "{first:?}");
        assert_eq!(
            escalate(first, after, after, false),
            from_then_on,
            "{first:?}"
        );
        assert_eq!(escalate(first, after, after, true), No, "{first:?}");
    }
}
