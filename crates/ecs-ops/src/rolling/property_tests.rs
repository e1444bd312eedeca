//! A whole rolling restart, whatever happens, beside a plain model of what has to come.

use std::collections::HashSet;
use std::time::Duration;

use ecs_model::ServerId;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::tests::{count_or_percent, id};
use super::*;

/// The conditions before the next wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Health,
    Answer,
    Pause,
}

struct Model {
    waves: Vec<Vec<ServerId>>,
    rules: Rules,
    rolling: Rolling,
    /// The state that the next process gets.
    written: Vec<WaveEvent>,
    began: usize,
    in_flight: Vec<ServerId>,
    /// Given up without having been acted on: nothing of that is written.
    left: Vec<ServerId>,
    due: Vec<Gate>,
    /// The servers that did not succeed, by the journal and in fact.
    failed: usize,
    given_up: usize,
    canary_lives: bool,
    canary_died: bool,
}

impl Model {
    fn new(waves: Vec<Vec<ServerId>>, rules: Rules) -> Self {
        Self {
            rolling: Rolling::new(waves.clone(), rules),
            waves,
            rules,
            written: Vec::new(),
            began: 0,
            in_flight: Vec::new(),
            left: Vec::new(),
            due: Vec::new(),
            failed: 0,
            given_up: 0,
            canary_lives: false,
            canary_died: false,
        }
    }

    fn allowed(&self) -> Option<usize> {
        let total = self.waves.iter().map(Vec::len).sum();
        Some(self.rules.max_failures?.of(total))
    }

    fn too_many(&self) -> bool {
        self.allowed()
            .is_some_and(|allowed| self.failed + self.given_up > allowed)
    }

    fn pause_after(&self, wave: usize) -> Duration {
        match self.rules.canary {
            Some(AfterCanary::Pause(pause)) if wave == 0 => pause,
            _ => self.rules.pause,
        }
    }

    fn happens(&mut self, event: WaveEvent) {
        self.written.push(event.clone());
        self.rolling.on(event);
    }

    /// The wave is over: this is due before the next one.
    fn over(&mut self) {
        if !self.in_flight.is_empty() {
            return;
        }
        let (wave, more) = (self.began - 1, self.began < self.rolling.waves().len());
        self.canary_died |= wave == 0 && self.rules.canary.is_some() && !self.canary_lives;
        self.due.clear();
        self.due
            .extend(self.rules.check_health.then_some(Gate::Health));
        let asks = wave == 0 && self.rules.canary == Some(AfterCanary::Ask);
        self.due.extend((asks && more).then_some(Gate::Answer));
        self.due
            .extend((more && !self.pause_after(wave).is_zero()).then_some(Gate::Pause));
    }

    fn ends(&mut self, server: ServerId, succeeded: bool) {
        self.failed += usize::from(!succeeded);
        self.canary_lives |= succeeded && self.began == 1;
        self.happens(WaveEvent::Ended { server, succeeded });
        // Twice is once.
        self.happens(WaveEvent::Ended { server, succeeded });
        self.over();
    }

    fn gives_up(&mut self, server: ServerId) {
        self.given_up += 1;
        self.left.push(server);
        self.rolling.on(WaveEvent::Ended {
            server,
            succeeded: false,
        });
        self.over();
    }

    /// The process dies, or ends with a report, and another one continues.
    fn another_process(&mut self, reported: bool) -> TestCaseResult {
        let is_unsent = |id: &&ServerId| id.as_bytes()[15].is_multiple_of(2);
        let (unsent, awaited): (Vec<_>, Vec<_>) = self.in_flight.iter().partition(is_unsent);
        let current = self
            .began
            .checked_sub(1)
            .map(|last| self.rolling.waves()[last].clone());
        let to_come = self.rolling.waves()[self.began..].iter().flatten().copied();
        let unsent: Vec<ServerId> = unsent
            .into_iter()
            .chain(self.left.drain(..))
            .chain(to_come)
            .collect();
        self.written.push(WaveEvent::Resumed {
            reported,
            awaited: awaited.clone(),
            unsent: unsent.clone(),
        });
        self.rolling = Rolling::new(self.waves.clone(), self.rules);
        for event in &self.written {
            self.rolling.on(event.clone());
        }
        let was_over = self.in_flight.is_empty();
        self.in_flight = awaited;
        self.in_flight
            .extend(current.iter().flatten().filter(|id| unsent.contains(id)));
        // Servers that were given up come again, and a failure that was reported no longer counts.
        self.given_up = 0;
        if reported && self.too_many() {
            self.failed = 0;
        }
        if !self.in_flight.is_empty() {
            self.due.clear();
            // Not all of it is over, after all.
            self.canary_died &= self.began != 1;
        } else if !was_over {
            self.over();
        } else if self.began > 0 && !self.pause_after(self.began - 1).is_zero() && self.paused() {
            // The end of a pause is not written down.
            self.due.retain(|gate| *gate != Gate::Pause);
            self.due.push(Gate::Pause);
        }
        self.canary_died &= !reported;
        let stops = self.too_many() || self.canary_died;
        prop_assert_eq!(matches!(self.rolling.action(), WaveAction::Stop(_)), stops);
        let mut sent: Vec<_> = self
            .in_flight
            .iter()
            .filter(|id| unsent.contains(id))
            .collect();
        sent.extend(self.rolling.waves()[self.began..].iter().flatten());
        let distinct: HashSet<_> = sent.iter().copied().collect();
        prop_assert_eq!(
            (sent.len(), distinct),
            (unsent.len(), unsent.iter().collect())
        );
        let remaining: Vec<_> = self
            .rolling
            .remaining()
            .flat_map(|(_, wave)| wave)
            .collect();
        prop_assert!(sent.iter().all(|id| remaining.contains(id)));
        Ok(())
    }

    /// Returns `true` if a pause followed the last wave, when it was over.
    fn paused(&self) -> bool {
        matches!(
            self.rolling.action(),
            WaveAction::Pause { .. } | WaveAction::Start { .. }
        ) && self.began < self.waves.len()
    }

    fn step(&mut self, choice: u8) -> TestCaseResult {
        let bad = choice.is_multiple_of(4);
        match self.rolling.action() {
            _ if choice % 16 == 15 => self.another_process(choice % 32 == 31)?,
            WaveAction::Start { wave } => {
                prop_assert_eq!(wave, self.began);
                prop_assert!(self.in_flight.is_empty());
                prop_assert_eq!(&self.due, &[], "this was skipped");
                self.began += 1;
                self.in_flight.clone_from(&self.rolling.waves()[wave]);
                self.happens(WaveEvent::Began { wave });
            }
            WaveAction::Await { wave } => {
                prop_assert_eq!(wave + 1, self.began);
                let server = self
                    .in_flight
                    .swap_remove(usize::from(choice) % self.in_flight.len());
                match choice % 8 {
                    4 => self.gives_up(server),
                    _ => self.ends(server, !bad),
                }
            }
            WaveAction::CheckHealth { wave } => {
                prop_assert!(self.in_flight.is_empty() && wave + 1 == self.began);
                prop_assert_eq!(self.due.first(), Some(&Gate::Health));
                if bad {
                    self.happens(WaveEvent::Unhealthy("words".to_owned()));
                } else {
                    self.due.remove(0);
                    self.happens(WaveEvent::Healthy);
                }
            }
            WaveAction::Ask => {
                prop_assert!(self.began == 1 && self.in_flight.is_empty());
                prop_assert_eq!(self.due.first(), Some(&Gate::Answer));
                if !bad {
                    self.due.remove(0);
                }
                self.happens(WaveEvent::Answered(!bad));
            }
            WaveAction::Pause { pause, .. } => {
                prop_assert_eq!(pause, self.pause_after(self.began - 1));
                prop_assert!(self.in_flight.is_empty() && self.began < self.rolling.waves().len());
                self.due.retain(|gate| *gate != Gate::Pause);
                prop_assert_eq!(&self.due, &[]);
                self.rolling.on(WaveEvent::Paused);
            }
            // All running requests end.
            WaveAction::Stop(_) => {
                if let Some(server) = self.in_flight.pop() {
                    self.ends(server, !bad);
                }
            }
            WaveAction::Recheck { .. } => prop_assert!(false, "waves alone do not ask for that"),
            WaveAction::Done => {
                prop_assert!(self.began == self.rolling.waves().len() && self.in_flight.is_empty());
                prop_assert!(self.rolling.is_over());
            }
        }
        let largest = self.waves.iter().map(Vec::len).max().unwrap_or(0);
        prop_assert!(self.in_flight.len() <= largest);
        prop_assert_eq!(self.failed + self.given_up, self.rolling.failed());
        if let Some(allowed) = self.allowed() {
            prop_assert!(self.failed + self.given_up <= allowed + largest);
            let stopped = matches!(self.rolling.action(), WaveAction::Stop(_));
            prop_assert!(!self.too_many() || stopped);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Waves come one after the other, each after all that is due; in flight is never more than one
    /// of them, the budget is not exceeded by more than one, and the next process, given what was
    /// recorded, continues with each server that was not acted on, once.
    #[test]
    fn a_rolling_restart(
        sizes in prop::collection::vec(1usize..6, 0..8),
        max_failures in prop::option::of(count_or_percent()),
        canary in prop::option::of(prop_oneof![Just(AfterCanary::Ask), Just(AfterCanary::Pause(Duration::from_secs(9)))]),
        check_health in any::<bool>(),
        pause in 0u64..2,
        choices in prop::collection::vec(any::<u8>(), 0..160),
    ) {
        let mut next = 0;
        let wave = |size: &usize| { next += size; (next - size..next).map(id).collect() };
        let waves: Vec<Vec<ServerId>> = sizes.iter().map(wave).collect();
        let rules = Rules { max_failures, pause: Duration::from_secs(pause), canary, check_health, brake: false };
        let mut model = Model::new(waves, rules);
        for choice in choices {
            model.step(choice)?;
        }
    }
}
