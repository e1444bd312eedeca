mod planning;

use std::time::Duration;

use ecs_model::ServerId;
use proptest::prelude::*;

use super::*;

pub(super) fn id(number: usize) -> ServerId {
    ServerId::from_bytes(u128::try_from(number).unwrap().to_be_bytes())
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

#[test]
fn an_unexpected_event_changes_nothing() {
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

/// A crash does not reset the budget: only a reported stop for failures does.
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
fn the_remaining_waves_follow_when_the_run_resumes() {
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
