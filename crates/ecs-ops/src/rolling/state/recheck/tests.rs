use ecs_model::ServerId;

use crate::rolling::state::{AfterCanary, Rolling, Rules, WaveAction, WaveEvent};
use crate::rolling::{StopReason, tests::id};

fn ids(numbers: &[usize]) -> Vec<ServerId> {
    numbers.iter().copied().map(id).collect()
}

fn waves(rules: Rules) -> Rolling {
    Rolling::new(vec![ids(&[1]), ids(&[2, 3]), ids(&[4])], rules)
}

fn rechecked(wave: usize, unready: &[usize], skipped: bool) -> WaveEvent {
    WaveEvent::Rechecked {
        wave,
        unready: ids(unready),
        skipped,
        message: Some("locked".to_owned()),
    }
}

fn ended(number: usize) -> WaveEvent {
    let server = id(number);
    WaveEvent::Ended {
        server,
        succeeded: true,
    }
}

#[test]
fn a_wave_goes_on_without_those_that_are_skipped() {
    let mut waves = waves(Rules::default());
    waves.on(WaveEvent::Began { wave: 0 });
    assert_eq!(waves.on(ended(1)), WaveAction::Start { wave: 1 });
    waves.on(rechecked(1, &[3], true));
    waves.on(WaveEvent::Began { wave: 1 });
    assert_eq!(waves.open(), 1);
    // Nothing of the next one is left, and they count as no failures.
    assert_eq!(waves.on(ended(2)), WaveAction::Start { wave: 2 });
    assert_eq!(waves.on(rechecked(2, &[4], true)), WaveAction::Done);
    assert_eq!(waves.failed(), 0);
    // What comes late is about no wave that is to begin.
    assert_eq!(waves.on(rechecked(1, &[2], false)), WaveAction::Done);
}

/// No record says that a pause is over, or that a server was not attempted for good.
#[test]
fn a_recheck_by_an_earlier_process_ends_what_led_up_to_it() {
    let pause = std::time::Duration::from_secs(60);
    let mut waves = waves(Rules {
        pause,
        ..Rules::default()
    });
    waves.on(WaveEvent::Began { wave: 0 });
    let paused = WaveAction::Pause { wave: 0, pause };
    assert_eq!(waves.on(ended(1)), paused);
    assert_eq!(
        waves.on(rechecked(1, &[3], true)),
        WaveAction::Start { wave: 1 }
    );
    waves.on(WaveEvent::Began { wave: 1 });
    assert_eq!(waves.open(), 1);
    assert_eq!(
        waves.on(rechecked(2, &[4], true)),
        WaveAction::Done,
        "the second wave was over"
    );
}

#[test]
fn the_rest_of_a_begun_wave_may_be_skipped() {
    let mut waves = waves(Rules::default());
    waves.on(WaveEvent::Began { wave: 0 });
    waves.on(ended(1));
    waves.on(WaveEvent::Began { wave: 1 });
    assert_eq!(
        waves.on(rechecked(1, &[3], true)),
        WaveAction::Await { wave: 1 }
    );
    assert_eq!(
        waves.on(rechecked(1, &[2], true)),
        WaveAction::Start { wave: 2 }
    );
}

#[test]
fn without_a_canary_nothing_follows() {
    let rules = Rules {
        canary: Some(AfterCanary::Ask),
        ..Rules::default()
    };
    let mut waves = waves(rules);
    let action = waves.on(rechecked(0, &[1], true));
    assert!(matches!(
        action,
        WaveAction::Stop(StopReason::NotReady {
            wave: 1,
            servers: 1,
            ..
        })
    ));
}

/// A canary of which nothing is left never begins: the run does not wait for it, and does not go on
/// without it before somebody knows.
#[test]
fn a_run_without_a_canary_goes_on_when_it_is_resumed_after_its_report() {
    let pause = std::time::Duration::from_secs(60);
    let resumed = |reported| WaveEvent::Resumed {
        reported,
        awaited: Vec::new(),
        unsent: ids(&[2, 3, 4]),
    };
    for (after, expected) in [
        (AfterCanary::Ask, WaveAction::Ask),
        (
            AfterCanary::Pause(pause),
            WaveAction::Pause { wave: 0, pause },
        ),
    ] {
        for has_begun in [false, true] {
            let mut waves = waves(Rules {
                canary: Some(after),
                brake: true,
                ..Rules::default()
            });
            if has_begun {
                // By a process that died before it sent anything.
                waves.on(WaveEvent::Began { wave: 0 });
            }
            let stop = waves.on(rechecked(0, &[1], true));
            let is_not_ready = |action: &WaveAction| {
                matches!(
                    action,
                    WaveAction::Stop(StopReason::NotReady { wave: 1, .. })
                )
            };
            assert!(is_not_ready(&stop), "{stop:?}");
            let died = waves.on(resumed(false));
            assert!(is_not_ready(&died), "{died:?}");
            assert_eq!(waves.on(resumed(true)), expected);
            assert_eq!(waves.open(), 0);
        }
    }
}

/// The brake is about servers that were acted on.
#[test]
fn a_begun_wave_that_is_skipped_whole_is_none_without_success() {
    let mut waves = waves(Rules {
        brake: true,
        ..Rules::default()
    });
    waves.on(WaveEvent::Began { wave: 0 });
    waves.on(ended(1));
    waves.on(WaveEvent::Began { wave: 1 });
    let next = WaveAction::Start { wave: 2 };
    assert_eq!(waves.on(rechecked(1, &[2, 3], true)), next);
    assert_eq!(waves.failed(), 0);
}

#[test]
fn unready_and_unread_servers_stop_the_run_until_it_is_resumed() {
    let mut waves = waves(Rules::default());
    let message = "locked".to_owned();
    let not_ready = StopReason::NotReady {
        wave: 1,
        servers: 1,
        message: message.clone(),
    };
    let action = waves.on(rechecked(0, &[1], false));
    assert_eq!(action, WaveAction::Stop(not_ready));
    let resumed = WaveEvent::Resumed {
        reported: false,
        awaited: Vec::new(),
        unsent: ids(&[1, 2, 3, 4]),
    };
    assert_eq!(waves.on(resumed), WaveAction::Start { wave: 0 });
    let not_read = StopReason::NotRead { wave: 1, message };
    let action = waves.on(rechecked(0, &[], true));
    assert_eq!(action, WaveAction::Stop(not_read));
}
