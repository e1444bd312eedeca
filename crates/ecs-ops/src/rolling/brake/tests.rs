use std::time::Duration;

use proptest::prelude::*;

use super::super::tests::id;
use super::super::{AfterCanary, Rolling, StopReason, WaveAction, WaveEvent};
use super::*;

fn ids(count: usize) -> Vec<ServerId> {
    (1..=count).map(id).collect()
}

/// Runs waves whose servers end like this, to the first thing that is not a wave.
fn run(waves: &Waves, rules: &Rules, succeeds: impl Fn(usize) -> bool) -> (usize, WaveAction) {
    let mut rolling = Rolling::new(waves.waves.clone(), *rules);
    let mut touched = 0;
    while let WaveAction::Start { wave } = rolling.action() {
        rolling.on(WaveEvent::Began { wave });
        for server in &waves.waves[wave] {
            rolling.on(WaveEvent::Ended {
                server: *server,
                succeeded: succeeds(touched),
            });
            touched += 1;
        }
    }
    (touched, rolling.action())
}

fn of_ten(servers: usize) -> Waves {
    Waves::of(ids(servers).chunks(10).map(<[_]>::to_vec).collect())
}

#[test]
fn a_run_in_which_everything_fails_ends_after_the_small_first_wave() {
    let servers = ids(1200);
    let waves = Waves::small_first(&servers).unwrap();
    let rules = Rules::default().with_default_brake(1200);
    let (touched, action) = run(&waves, &rules, |_| false);
    assert_eq!(touched, Waves::SMALL_FIRST);
    assert_eq!(
        action,
        WaveAction::Stop(StopReason::WaveWithoutSuccess { wave: 1 })
    );
    assert_eq!(Waves::small_first(&servers[..100]), None);
}

#[test]
fn the_last_wave_may_have_no_success() {
    let rules = Rules::default().with_default_brake(100);
    let (touched, action) = run(&of_ten(100), &rules, |index| index < 90);
    assert_eq!((touched, action), (100, WaveAction::Done));
    let (touched, action) = run(&of_ten(100), &rules, |index| index / 10 != 4);
    assert_eq!(
        (touched, action),
        (
            50,
            WaveAction::Stop(StopReason::WaveWithoutSuccess { wave: 5 })
        )
    );
}

#[test]
fn a_canary_without_a_question_must_succeed_entirely() {
    let with = |canary| {
        let rules = Rules {
            canary: Some(canary),
            ..Rules::default()
        };
        rules.with_default_brake(100)
    };
    let fails_once = |index| index != 3;
    let (touched, action) = run(
        &of_ten(100),
        &with(AfterCanary::Pause(Duration::from_secs(60))),
        fails_once,
    );
    let stopped = StopReason::CanaryFailures { failed: 1 };
    assert_eq!((touched, action), (10, WaveAction::Stop(stopped)));
    // A person sees the failure in the question.
    let (_, action) = run(&of_ten(100), &with(AfterCanary::Ask), fails_once);
    assert_eq!(action, WaveAction::Ask);
}

#[test]
fn only_a_report_lets_the_next_process_continue() {
    let waves = of_ten(30);
    let rules = Rules::default().with_default_brake(30);
    let resumed = |reported| {
        let mut rolling = Rolling::new(waves.waves.clone(), rules);
        rolling.on(WaveEvent::Began { wave: 0 });
        for server in &waves.waves[0] {
            rolling.on(WaveEvent::Ended {
                server: *server,
                succeeded: false,
            });
        }
        rolling.on(WaveEvent::Resumed {
            reported,
            awaited: Vec::new(),
            unsent: waves.waves[1..].concat(),
        })
    };
    assert!(matches!(resumed(false), WaveAction::Stop(_)));
    assert_eq!(resumed(true), WaveAction::Start { wave: 1 });
}

proptest! {
    #[test]
    fn the_brake_leaves_no_more_than_a_wave_beyond_its_limit(
        servers in 1..400_usize, size in 1..60_usize, seed in any::<u64>(), percent in 0..=100_u64,
    ) {
        let waves = Waves::of(ids(servers).chunks(size).map(<[_]>::to_vec).collect());
        let rules = Rules::default().with_default_brake(servers);
        let succeeds = |index: usize| (seed ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff >= percent * 0x1_0000 / 100;
        let (touched, action) = run(&waves, &rules, succeeds);
        let failed = (0..touched).filter(|index| !succeeds(*index)).count();
        let limit = rules.max_failures.unwrap().of(servers);
        prop_assert!(failed <= limit + size);
        match action {
            WaveAction::Done => prop_assert_eq!(touched, servers),
            WaveAction::Stop(StopReason::Failures { failed: counted, allowed }) => {
                prop_assert!(counted > allowed && allowed == limit.min(servers) && counted == failed);
            }
            WaveAction::Stop(StopReason::WaveWithoutSuccess { wave }) => {
                prop_assert_eq!(wave, touched.div_ceil(size));
                prop_assert!((touched - size..touched).all(|index| !succeeds(index)));
                prop_assert!(touched < servers);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn without_the_brake_a_wave_without_success_stops_nothing(servers in 1..100_usize, size in 1..20_usize) {
        let waves = Waves::of(ids(servers).chunks(size).map(<[_]>::to_vec).collect());
        let (touched, action) = run(&waves, &Rules::default(), |_| false);
        prop_assert_eq!((touched, action), (servers, WaveAction::Done));
    }

    #[test]
    fn a_small_first_wave_keeps_all_servers_in_their_order(servers in 101..1500_usize) {
        let servers = ids(servers);
        let waves = Waves::small_first(&servers).unwrap();
        prop_assert_eq!(waves.waves.concat(), servers);
        prop_assert_eq!(waves.waves[0].len(), Waves::SMALL_FIRST);
    }
}
