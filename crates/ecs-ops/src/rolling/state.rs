//! What comes next in a rolling restart.

use std::collections::HashSet;
use std::time::Duration;

use ecs_model::ServerId;

use super::{CountOrPercent, StopReason};

/// When a rolling restart pauses, asks and stops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How many servers may fail, of all: with one more it stops. By default any number.
    pub max_failures: Option<CountOrPercent>,
    /// The time between two waves.
    pub pause: Duration,
    /// What follows the first wave, if that is a canary.
    pub canary: Option<AfterCanary>,
    /// Whether health is checked after each wave.
    pub check_health: bool,
}

/// What follows a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterCanary {
    /// Somebody is asked whether to go on.
    Ask,
    /// A pause, in place of the one between waves.
    Pause(Duration),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaveEvent {
    /// A wave begins: from now on its servers may be submitted.
    Began {
        /// Which, counted from 0.
        wave: usize,
    },
    /// Nothing more is to be awaited of a server: once for each, also if it was tried hard in between.
    Ended {
        /// Which.
        server: ServerId,
        /// Whether it succeeded. A server of unknown fate did not.
        succeeded: bool,
    },
    /// The health check found all well.
    Healthy,
    /// It did not, or did not end in time.
    Unhealthy(String),
    /// Whether to go on, somebody says.
    Answered(bool),
    /// The pause is over.
    Paused,
    /// Somebody goes on with what a process left, whatever stopped it.
    Resumed {
        /// Whether that process lived to report how it ended. Then somebody knows of failures that stopped it, and they are
        /// counted from zero; otherwise they stop it again, until that is reported. So does a canary.
        reported: bool,
        /// Servers that are still waited for.
        awaited: Vec<ServerId>,
        /// Servers that were certainly not acted on, also of waves that are over: what is left of those comes last, in
        /// waves of its own.
        unsent: Vec<ServerId>,
    },
}

/// What is to be done now. The same is said until an event changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaveAction {
    /// Begin this wave, then say so.
    Start {
        /// Which, counted from 0.
        wave: usize,
    },
    /// Submit what was not yet submitted of this wave, and wait until its servers have ended.
    Await {
        /// Which, counted from 0.
        wave: usize,
    },
    /// Check the health.
    CheckHealth {
        /// After which wave.
        wave: usize,
    },
    /// Ask whether to go on after the canary.
    Ask,
    /// Pause.
    Pause {
        /// After which wave.
        wave: usize,
        /// For how long.
        pause: Duration,
    },
    /// Submit nothing more; what runs ends. The rest was not attempted.
    Stop(StopReason),
    /// All waves are over.
    Done,
}

/// Where a rolling restart is. [`action`](Self::action) says what to do, [`on`](Self::on) is told what happened.
///
/// To go on after a crash, tell a new one all events again, in their order, and then [`WaveEvent::Resumed`]. What was written
/// down by a process that knew more is believed: that the next wave began, or that health was checked, ends the wave before.
#[derive(Clone, Debug)]
pub struct Rolling {
    waves: Vec<Vec<ServerId>>,
    rules: Rules,
    allowed: Option<usize>,
    stage: Stage,
    stopped: Option<StopReason>,
    failed: usize,
    /// Whether a server of the first wave succeeded.
    canary_lives: bool,
    /// The servers of the waves that began which have not ended.
    open: HashSet<ServerId>,
}

/// With the wave that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ready(usize),
    Underway(usize),
    Checking(usize),
    Asking(usize),
    /// After this wave.
    Pausing(usize),
    Done,
}

impl Rolling {
    /// At the beginning. Empty waves are left out.
    pub fn new(waves: Vec<Vec<ServerId>>, rules: Rules) -> Self {
        let waves: Vec<_> = waves.into_iter().filter(|wave| !wave.is_empty()).collect();
        let servers = waves.iter().map(Vec::len).sum();
        let mut rolling = Self {
            allowed: rules
                .max_failures
                .map(|count_or_percent| count_or_percent.of(servers)),
            stage: Stage::Done,
            stopped: None,
            failed: 0,
            canary_lives: false,
            open: HashSet::new(),
            waves,
            rules,
        };
        rolling.stage = rolling.ready(0);
        rolling
    }

    /// The waves.
    pub fn waves(&self) -> &[Vec<ServerId>] {
        &self.waves
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many servers failed, since the beginning or since it went on after a stop for failures.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Whether all waves are over, and what was to follow them.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Done
    }

    /// The wave whose servers have not all ended, counted from 0, also of a restart that stops.
    pub fn underway(&self) -> Option<usize> {
        match self.stage {
            Stage::Underway(wave) => Some(wave),
            _ => None,
        }
    }

    /// How many servers of it have not ended.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// What is to be done now.
    pub fn action(&self) -> WaveAction {
        if let Some(reason) = &self.stopped {
            return WaveAction::Stop(reason.clone());
        }
        match self.stage {
            Stage::Ready(wave) => WaveAction::Start { wave },
            Stage::Underway(wave) => WaveAction::Await { wave },
            Stage::Checking(wave) => WaveAction::CheckHealth { wave },
            Stage::Asking(_) => WaveAction::Ask,
            Stage::Pausing(wave) => WaveAction::Pause {
                wave,
                pause: self.pause_after(wave),
            },
            Stage::Done => WaveAction::Done,
        }
    }

    /// Learns what happened, and says what is to be done now. What does not fit to where it is changes nothing.
    pub fn on(&mut self, event: WaveEvent) -> WaveAction {
        match (event, self.stage) {
            (WaveEvent::Began { wave }, _) if wave == self.begun() => self.begin(wave),
            (WaveEvent::Ended { server, succeeded }, _) => self.ended(server, succeeded),
            (WaveEvent::Healthy, Stage::Checking(wave) | Stage::Underway(wave)) => {
                self.stage = self.after_check(wave);
            }
            (WaveEvent::Unhealthy(message), Stage::Checking(wave) | Stage::Underway(wave)) => {
                self.stage = Stage::Checking(wave);
                self.stop(StopReason::Unhealthy { wave, message });
            }
            (WaveEvent::Answered(true), Stage::Asking(wave)) => {
                self.stage = self.after_canary(wave)
            }
            (WaveEvent::Answered(false), Stage::Asking(_)) => self.stop(StopReason::Declined),
            (WaveEvent::Paused, Stage::Pausing(wave)) => self.stage = self.ready(wave + 1),
            (
                WaveEvent::Resumed {
                    reported,
                    awaited,
                    unsent,
                },
                _,
            ) => self.resumed(reported, awaited, &unsent),
            _ => {}
        }
        self.action()
    }

    /// How many waves began.
    fn begun(&self) -> usize {
        match self.stage {
            Stage::Ready(next) => next,
            Stage::Underway(last)
            | Stage::Checking(last)
            | Stage::Asking(last)
            | Stage::Pausing(last) => last + 1,
            Stage::Done => self.waves.len(),
        }
    }

    /// The waves of which something may still be to submit, each with its number: the one underway, and those to come.
    pub fn remaining(&self) -> impl Iterator<Item = (usize, &[ServerId])> {
        let first = match self.stage {
            Stage::Underway(wave) => wave,
            _ => self.begun(),
        };
        let waves = self.waves.iter().map(Vec::as_slice).enumerate();
        waves.skip(first)
    }

    fn begin(&mut self, wave: usize) {
        if self.stopped.is_none()
            && let Some(servers) = self.waves.get(wave)
        {
            self.open = servers.iter().copied().collect();
            self.stage = Stage::Underway(wave);
        }
    }

    fn resumed(&mut self, reported: bool, awaited: Vec<ServerId>, unsent: &[ServerId]) {
        match self.stopped {
            Some(StopReason::Failures { .. } | StopReason::Canary) if !reported => {}
            Some(StopReason::Failures { .. }) => (self.stopped, self.failed) = (None, 0),
            // It is checked, or asked, again.
            _ => self.stopped = None,
        }
        let unsent: HashSet<_> = unsent.iter().copied().collect();
        let begun = self.begun();
        let (begun_waves, upcoming) = self.waves.split_at(begun.min(self.waves.len()));
        let Some((last, over)) = begun_waves.split_last() else {
            return;
        };
        let of_last = last.iter().copied().filter(|id| unsent.contains(id));
        self.open = awaited.into_iter().chain(of_last).collect();
        let mut placed: HashSet<_> = upcoming.iter().flatten().chain(last).copied().collect();
        let mut left = |wave: &Vec<ServerId>| {
            let is_left = |id: &ServerId| unsent.contains(id) && placed.insert(*id);
            wave.iter().copied().filter(is_left).collect::<Vec<_>>()
        };
        // From the last one on: a server that was left before may be in more than one of them.
        let left: Vec<_> = over.iter().rev().map(&mut left).collect();
        let left = left.into_iter().rev().filter(|wave| !wave.is_empty());
        self.waves.extend(left.collect::<Vec<_>>());
        self.stage = match self.stage {
            _ if !self.open.is_empty() => Stage::Underway(begun - 1),
            Stage::Underway(wave) => self.after_wave(wave),
            // With the pause that is between any two.
            Stage::Done => self.after_canary(begun - 1),
            stage => stage,
        };
    }

    fn ended(&mut self, server: ServerId, succeeded: bool) {
        if !self.open.remove(&server) {
            return;
        }
        self.failed += usize::from(!succeeded);
        self.canary_lives |= succeeded && self.stage == Stage::Underway(0);
        if let Some(allowed) = self.allowed.filter(|allowed| self.failed > *allowed) {
            let failed = self.failed;
            self.stop(StopReason::Failures { failed, allowed });
        }
        if let Stage::Underway(wave) = self.stage
            && self.open.is_empty()
        {
            if wave == 0 && self.rules.canary.is_some() && !self.canary_lives {
                self.stop(StopReason::Canary);
            }
            self.stage = self.after_wave(wave);
        }
    }

    fn after_wave(&self, wave: usize) -> Stage {
        match self.rules.check_health {
            true => Stage::Checking(wave),
            false => self.after_check(wave),
        }
    }

    /// The first reason stays, but for the number of failures.
    fn stop(&mut self, reason: StopReason) {
        match (&mut self.stopped, reason) {
            (
                Some(StopReason::Failures { failed, .. }),
                StopReason::Failures { failed: more, .. },
            ) => *failed = more,
            (Some(_), _) => {}
            (stopped, reason) => *stopped = Some(reason),
        }
    }

    fn after_check(&self, wave: usize) -> Stage {
        match self.rules.canary {
            Some(AfterCanary::Ask) if wave == 0 && self.waves.len() > 1 => Stage::Asking(wave),
            _ => self.after_canary(wave),
        }
    }

    fn after_canary(&self, wave: usize) -> Stage {
        match self.ready(wave + 1) {
            Stage::Ready(_) if !self.pause_after(wave).is_zero() => Stage::Pausing(wave),
            next => next,
        }
    }

    fn ready(&self, wave: usize) -> Stage {
        match wave < self.waves.len() {
            true => Stage::Ready(wave),
            false => Stage::Done,
        }
    }

    fn pause_after(&self, wave: usize) -> Duration {
        match self.rules.canary {
            Some(AfterCanary::Pause(pause)) if wave == 0 => pause,
            _ => self.rules.pause,
        }
    }
}
