//! The state of a rolling run: what comes next.

mod event;
mod recheck;

use std::collections::HashSet;
use std::time::Duration;

use ecs_model::ServerId;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::{CountOrPercent, StopReason};
use crate::milliseconds;

pub(crate) use event::{WaveAction, WaveEvent};

/// The rules by which a rolling run pauses, asks and stops.
///
/// Read from JSON, such as the body of a request, with defaults for what is not there:
///
/// ```
/// use ecs_ops::rolling::Rules;
///
/// let json = r#"{"max_failures":"2%","pause_ms":60000,"canary":{"pause_ms":300000}}"#;
/// let rules: Rules = serde_json::from_str(json)?;
/// assert_eq!(rules.max_failures, Some("2%".parse()?));
/// assert!(serde_json::from_str::<Rules>(r#"{"max_failure":1}"#).is_err());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The failure budget: one more failure stops the run. `None`: any number may fail.
    pub max_failures: Option<CountOrPercent>,
    /// The pause between waves; as JSON in milliseconds.
    #[serde(rename = "pause_ms", with = "milliseconds")]
    pub pause: Duration,
    /// The step after the first wave, which is a canary then. [`Waves::plan`](super::Waves::plan) must
    /// be given the canary's size, and waves that were planned with a canary need this rule.
    pub canary: Option<AfterCanary>,
    /// `true` if a health check follows each wave.
    pub check_health: bool,
    /// `true` if a wave without a success stops the run if others would follow, and a canary that
    /// [pauses](AfterCanary::Pause) and had a failure. Default: no. The [default
    /// brake](Self::with_default_brake) has it.
    pub brake: bool,
}

/// The step after the canary. As JSON `"ask"` or `{"pause_ms":60000}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AfterCanary {
    /// The run asks whether to continue.
    Ask,
    /// The run pauses, instead of the pause between waves.
    #[serde(rename = "pause_ms", with = "milliseconds")]
    Pause(Duration),
}

/// The state of a rolling run: [`action`](Self::action) says what to do, [`on`](Self::on) takes
/// what happened.
///
/// To resume after a crash, replay all events in their order and then [`WaveEvent::Resumed`]. A
/// record of the previous process is trusted: the begin of a wave, or a health check, ends the wave
/// before.
#[derive(Clone, Debug)]
pub(crate) struct Rolling {
    waves: Vec<Vec<ServerId>>,
    rules: Rules,
    allowed: Option<usize>,
    stage: Stage,
    stopped: Option<StopReason>,
    failed: usize,
    /// `true` if a server of the first wave succeeded.
    canary_lives: bool,
    /// The number of servers of the last wave that succeeded, and that failed.
    wave_succeeded: usize,
    wave_failed: usize,
    /// The servers of the waves that began which have not ended.
    open: FxHashSet<ServerId>,
}

/// A stage, with its wave.
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
    /// A new rolling run. Empty waves are omitted.
    pub(crate) fn new(waves: Vec<Vec<ServerId>>, rules: Rules) -> Self {
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
            wave_succeeded: 0,
            wave_failed: 0,
            open: FxHashSet::default(),
            waves,
            rules,
        };
        rolling.stage = rolling.ready(0);
        rolling
    }

    /// The waves.
    pub(crate) fn waves(&self) -> &[Vec<ServerId>] {
        &self.waves
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The number of servers that failed since the run began, or since it resumed after a stop for
    /// failures.
    #[cfg(test)]
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }

    /// Returns `true` if all waves and what follows them are finished.
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Done
    }

    /// The wave that is underway, counted from 0, also if the run stops.
    pub(crate) fn underway(&self) -> Option<usize> {
        match self.stage {
            Stage::Underway(wave) => Some(wave),
            _ => None,
        }
    }

    /// The number of servers of the wave that is underway without an outcome.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Returns the servers of the wave that have no outcome.
    pub(crate) fn open_servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.open.iter().copied()
    }

    /// Returns the next action of the driver.
    pub(crate) fn action(&self) -> WaveAction {
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

    /// Applies an event and returns what to do now. An event that does not fit the state is
    /// ignored.
    pub(crate) fn on(&mut self, event: WaveEvent) -> WaveAction {
        match (event, self.stage) {
            (WaveEvent::Began { wave }, _) if wave == self.begun() => self.begin(wave),
            (WaveEvent::Ended { server, succeeded }, _) => self.ended(server, succeeded),
            (WaveEvent::Healthy, Stage::Checking(wave) | Stage::Underway(wave)) => {
                self.stage = self.after_check(wave);
            }
            (WaveEvent::Unhealthy(message), Stage::Checking(wave) | Stage::Underway(wave)) => {
                self.stage = Stage::Checking(wave);
                let wave = wave + 1;
                self.stop(StopReason::Unhealthy { wave, message });
            }
            (WaveEvent::Answered(true), Stage::Asking(wave)) => {
                self.stage = self.after_canary(wave)
            }
            (WaveEvent::Answered(false), Stage::Asking(_)) => self.stop(StopReason::Declined),
            (WaveEvent::Paused, Stage::Pausing(wave)) => self.stage = self.ready(wave + 1),
            (
                WaveEvent::Rechecked {
                    wave,
                    unready,
                    skipped,
                    message,
                },
                stage,
            ) if wave == self.begun() || stage == Stage::Underway(wave) => {
                self.rechecked(wave, &unready, skipped, message);
            }
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

    /// The number of waves that began.
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

    /// The waves that may still have servers to submit, each with its number: the one underway and
    /// those to come.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = (usize, &[ServerId])> {
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
            (self.wave_succeeded, self.wave_failed) = (0, 0);
        }
    }

    fn resumed(&mut self, reported: bool, awaited: Vec<ServerId>, unsent: &[ServerId]) {
        match self.stopped {
            Some(
                StopReason::Failures { .. }
                | StopReason::Canary
                | StopReason::CanaryFailures { .. }
                | StopReason::WaveWithoutSuccess { .. },
            ) if !reported => {}
            Some(StopReason::NotReady { .. }) if !reported && self.has_no_canary_left() => {}
            Some(StopReason::Failures { .. }) => (self.stopped, self.failed) = (None, 0),
            // The check or the question is repeated.
            _ => self.stopped = None,
        }
        if self.stage == Stage::Ready(0) && self.stopped.is_none() && self.has_no_canary_left() {
            // It never begins. The user who resumes the run has seen the reason.
            self.stage = self.after_check(0);
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
        // In reverse: a server may be in more than one earlier wave.
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
        self.wave_succeeded += usize::from(succeeded);
        self.wave_failed += usize::from(!succeeded);
        self.canary_lives |= succeeded && self.stage == Stage::Underway(0);
        if let Some(allowed) = self.allowed.filter(|allowed| self.failed > *allowed) {
            let failed = self.failed;
            self.stop(StopReason::Failures { failed, allowed });
        }
        if let Stage::Underway(wave) = self.stage {
            self.end_wave_if_none_is_open(wave);
        }
    }

    fn end_wave_if_none_is_open(&mut self, wave: usize) {
        if !self.open.is_empty() {
            return;
        }
        // The room for all servers of the wave, too.
        self.open = FxHashSet::default();
        if wave == 0 && self.rules.canary.is_some() && !self.canary_lives {
            self.stop(StopReason::Canary);
        }
        if let Some(reason) = self.brake_after(wave) {
            self.stop(reason);
        }
        self.stage = self.after_wave(wave);
    }

    /// Returns the reason why the brake stops the run after a wave, if it does.
    fn brake_after(&self, wave: usize) -> Option<StopReason> {
        if !self.rules.brake || wave + 1 >= self.waves.len() {
            return None;
        }
        if self.wave_succeeded == 0 {
            return Some(StopReason::WaveWithoutSuccess { wave: wave + 1 });
        }
        let pauses = matches!(self.rules.canary, Some(AfterCanary::Pause(_)));
        let failed = self.wave_failed;
        (wave == 0 && pauses && failed > 0).then_some(StopReason::CanaryFailures { failed })
    }

    fn after_wave(&self, wave: usize) -> Stage {
        if self.rules.check_health {
            Stage::Checking(wave)
        } else {
            self.after_check(wave)
        }
    }

    /// The first reason is kept; the number of failures is updated.
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
        if wave < self.waves.len() {
            Stage::Ready(wave)
        } else {
            Stage::Done
        }
    }

    fn pause_after(&self, wave: usize) -> Duration {
        match self.rules.canary {
            Some(AfterCanary::Pause(pause)) if wave == 0 => pause,
            _ => self.rules.pause,
        }
    }
}
