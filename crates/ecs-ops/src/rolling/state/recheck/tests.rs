use std::collections::HashMap;
use std::time::Duration;

use ecs_model::ServerId;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

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
fn a_wave_continues_without_its_skipped_servers() {
    let mut waves = waves(Rules::default());
    waves.on(WaveEvent::Began { wave: 0 });
    assert_eq!(waves.on(ended(1)), WaveAction::Start { wave: 1 });
    waves.on(rechecked(1, &[3], true));
    waves.on(WaveEvent::Began { wave: 1 });
    assert_eq!(waves.open(), 1);
    // The next wave has no server left, and they do not count as failures.
    assert_eq!(waves.on(ended(2)), WaveAction::Start { wave: 2 });
    assert_eq!(waves.on(rechecked(2, &[4], true)), WaveAction::Done);
    assert_eq!(waves.failed(), 0);
    // A late result is about no wave that is to begin.
    assert_eq!(waves.on(rechecked(1, &[2], false)), WaveAction::Done);
}

/// No record says that a pause is over, or that a server was not attempted for good.
#[test]
fn a_recheck_by_an_earlier_process_ends_the_steps_before_it() {
    let pause = Duration::from_secs(60);
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

/// A canary without a remaining server never begins: the run does not wait for it, and does not continue
/// without it before this was reported.
#[test]
fn a_run_without_a_canary_continues_when_resumed_after_its_report() {
    let pause = Duration::from_secs(60);
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Unsent,
    Sent,
    Over,
}

/// A run whose servers are skipped, sent and ended, and that other processes resume.
struct Model {
    planned: Vec<Vec<ServerId>>,
    rules: Rules,
    rolling: Rolling,
    written: Vec<WaveEvent>,
    servers: HashMap<ServerId, Progress>,
}

impl Model {
    fn new(planned: Vec<Vec<ServerId>>, rules: Rules) -> Self {
        let servers = planned.iter().flatten();
        Self {
            rolling: Rolling::new(planned.clone(), rules),
            servers: servers.map(|id| (*id, Progress::Unsent)).collect(),
            planned,
            rules,
            written: Vec::new(),
        }
    }

    fn happens(&mut self, event: WaveEvent) {
        // No record says that a pause is over.
        if event != WaveEvent::Paused {
            self.written.push(event.clone());
        }
        self.rolling.on(event);
    }

    fn all(&self, progress: Progress) -> Vec<ServerId> {
        let servers = self.planned.iter().flatten().copied();
        servers.filter(|id| self.servers[id] == progress).collect()
    }

    fn another_process(&mut self, reported: bool) {
        self.written.push(WaveEvent::Resumed {
            reported,
            awaited: self.all(Progress::Sent),
            unsent: self.all(Progress::Unsent),
        });
        self.rolling = Rolling::new(self.planned.clone(), self.rules);
        for event in &self.written {
            self.rolling.on(event.clone());
        }
    }

    /// Servers of this wave that are not sent yet are skipped, by the bits of `which`.
    fn skip(&mut self, wave: usize, which: u8) {
        let unready = self.rolling.waves()[wave].iter().enumerate();
        let unready = unready.filter(|(place, id)| {
            (which >> (place % 4)) & 1 == 1 && self.servers[*id] == Progress::Unsent
        });
        let unready: Vec<_> = unready.map(|(_, id)| *id).collect();
        for id in &unready {
            self.servers.insert(*id, Progress::Over);
        }
        self.happens(WaveEvent::Rechecked {
            wave,
            unready,
            skipped: true,
            message: None,
        });
    }

    /// Returns `true` if there was something to do.
    fn step(&mut self, choice: u8) -> Result<bool, TestCaseError> {
        match self.rolling.action() {
            _ if choice % 8 == 7 => self.another_process(false),
            WaveAction::Stop(_) => self.another_process(true),
            WaveAction::Start { wave } | WaveAction::Await { wave } if choice % 8 == 6 => {
                self.skip(wave, choice >> 3);
            }
            WaveAction::Start { wave } => {
                prop_assert!(!self.rolling.waves()[wave].is_empty());
                self.happens(WaveEvent::Began { wave });
            }
            WaveAction::Await { .. } => {
                let open: Vec<_> = self.rolling.open.iter().copied().collect();
                let server = *open.iter().min().expect("it waits for nobody");
                let sent = self.servers.insert(server, Progress::Sent);
                prop_assert_ne!(sent, Some(Progress::Over));
                if choice.is_multiple_of(2) {
                    self.servers.insert(server, Progress::Over);
                    let succeeded = choice < 200;
                    self.happens(WaveEvent::Ended { server, succeeded });
                }
            }
            WaveAction::CheckHealth { .. } => self.happens(WaveEvent::Healthy),
            WaveAction::Ask => self.happens(WaveEvent::Answered(true)),
            WaveAction::Pause { .. } => self.happens(WaveEvent::Paused),
            WaveAction::Recheck { .. } => unreachable!("only a run says so"),
            WaveAction::Done => return Ok(false),
        }
        Ok(true)
    }

    fn goes_to_its_end(&mut self, choices: &[u8]) -> TestCaseResult {
        for choice in choices {
            self.step(*choice)?;
        }
        let mut steps = 0;
        while self.step(0)? {
            steps += 1;
            prop_assert!(steps < 200, "no end: {:?}", self.rolling);
        }
        prop_assert_eq!(self.all(Progress::Over).len(), self.servers.len());
        Ok(())
    }
}

proptest! {
    /// With any skipped servers and any crash, the run waits only for servers that are not over, and each
    /// server is sent or skipped in the end.
    #[test]
    fn a_run_with_skipped_servers_comes_to_its_end(
        sizes in proptest::collection::vec(1..4_usize, 1..5),
        canary in 0..3_u8,
        check_health: bool,
        pauses: bool,
        brake: bool,
        choices in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut next = 0;
        let mut wave = |size: &usize| {
            next += size;
            ids(&(next - size + 1..=next).collect::<Vec<_>>())
        };
        let planned = sizes.iter().map(&mut wave).collect();
        let pause = Duration::from_secs(60);
        let rules = Rules {
            canary: match canary {
                0 => None,
                1 => Some(AfterCanary::Ask),
                _ => Some(AfterCanary::Pause(pause)),
            },
            pause: if pauses { pause } else { Duration::ZERO },
            check_health,
            brake,
            ..Rules::default()
        };
        Model::new(planned, rules).goes_to_its_end(&choices)?;
    }
}
