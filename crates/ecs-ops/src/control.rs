//! Stops a run from outside, and lets others see it.

use tokio::sync::watch;

use crate::event::{EventSource, Events};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Go,
    /// The run itself stopped submitting, since further requests would fail alike.
    Halted,
    NoMoreSubmissions,
    /// Another process is to resume the run.
    Suspended,
    End,
}

/// The journal's record of a requested stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Recorded {
    /// Not yet.
    #[default]
    Pending,
    Durable,
    /// And it will not be.
    Never,
}

#[derive(Debug, Default)]
struct ControlState {
    level: Level,
    /// `true` if a stop was requested, not only a suspension.
    is_asked: bool,
    /// The reason, as the caller gave it.
    reason: Option<String>,
    recorded: Recorded,
}

/// A handle of a run: stops it, and subscribes to its events. Clones are of the same run, and it may
/// outlive it.
///
/// A stop binds the run from the moment at which it is requested: nothing new is sent. With a
/// journal it is recorded at once, so that a resumed run keeps to it after a crash;
/// [`recorded`](Self::recorded) waits until that is so.
#[derive(Clone, Debug)]
pub struct Control {
    state: watch::Sender<ControlState>,
    events: EventSource,
}

impl Control {
    /// Creates a control without events.
    pub(crate) fn new() -> Self {
        Self::of_run(EventSource::default())
    }

    /// Creates a control of the run with these events.
    pub(crate) fn of_run(events: EventSource) -> Self {
        Self {
            state: watch::Sender::default(),
            events,
        }
    }

    /// Creates a control of a run whose journal already has a stop.
    pub(crate) fn keeping_to(reason: Option<String>, events: EventSource) -> Self {
        let state = ControlState {
            level: Level::NoMoreSubmissions,
            is_asked: true,
            reason,
            recorded: Recorded::Durable,
        };
        Self {
            state: watch::Sender::new(state),
            events,
        }
    }

    /// Subscribes to the events of the run: see [`Events`] for where it begins. Each call makes one
    /// more reader.
    pub fn events(&self) -> Events {
        self.events.subscribe()
    }

    /// Submits nothing more, and keeps polling what was accepted. Pending retries are dropped.
    pub fn stop_submitting(&self) {
        self.raise(Level::NoMoreSubmissions, None);
    }

    /// Stops with a reason for journal, events and report, such as "cancelled by alice". The first
    /// reason stays.
    pub fn stop_submitting_because(&self, reason: impl Into<String>) {
        self.raise(Level::NoMoreSubmissions, Some(reason.into()));
    }

    /// Releases the run, so that another process can resume it: nothing new is sent, answers that
    /// are due are awaited, jobs are not. The journal says neither that the run was stopped nor
    /// that it ended, and the report says [`Stopped::Suspended`](crate::Stopped::Suspended).
    ///
    /// An earlier stop remains a stop: the resumed run keeps to it.
    pub fn suspend(&self) {
        self.raise(Level::Suspended, None);
    }

    /// Ends the run immediately, with a complete report.
    pub fn end(&self) {
        self.raise(Level::End, None);
    }

    /// Ends the run with a reason for journal, events and report. The first reason stays.
    pub fn end_because(&self, reason: impl Into<String>) {
        self.raise(Level::End, Some(reason.into()));
    }

    /// Waits until a requested stop is durable in the journal of the run: then it outlives
    /// the process. `false`: it will not be, since the run has no journal, or it cannot be written,
    /// or the run ended before it was asked to stop.
    pub async fn recorded(&self) -> bool {
        let mut state = self.state.subscribe();
        let known = state.wait_for(|state| state.recorded != Recorded::Pending);
        // The sender is ours, so the channel cannot close.
        known
            .await
            .is_ok_and(|state| state.recorded == Recorded::Durable)
    }

    /// Drops everything that waits to be sent: it would be refused alike.
    pub(crate) fn halt(&self) {
        self.raise(Level::Halted, None);
    }

    fn raise(&self, level: Level, reason: Option<String>) {
        self.state.send_if_modified(|state| {
            let asks = matches!(level, Level::NoMoreSubmissions | Level::End);
            let is_news = level > state.level || asks && !state.is_asked;
            state.level = level.max(state.level);
            state.is_asked |= asks;
            if state.reason.is_none() {
                state.reason = reason;
            }
            is_news
        });
    }

    pub(crate) fn level(&self) -> Level {
        self.state.borrow().level
    }

    /// Returns the reason of the requested stop, if the caller gave one.
    pub(crate) fn reason(&self) -> Option<String> {
        self.state.borrow().reason.clone()
    }

    /// Returns `true` if a stop was requested.
    pub(crate) fn is_stop_asked(&self) -> bool {
        self.state.borrow().is_asked
    }

    /// Waits until a stop is requested.
    pub(crate) async fn stop_asked(&self) {
        // The sender is ours, so the channel cannot close.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| state.is_asked)
            .await;
    }

    /// Returns `true` if the requested stop is durable.
    pub(crate) fn is_recorded(&self) -> bool {
        self.state.borrow().recorded == Recorded::Durable
    }

    /// The requested stop is durable.
    pub(crate) fn set_recorded(&self) {
        self.state
            .send_modify(|state| state.recorded = Recorded::Durable);
    }

    /// No stop will be recorded any more; one that was stays recorded.
    pub(crate) fn will_not_be_recorded(&self) {
        self.state.send_modify(|state| {
            if state.recorded == Recorded::Pending {
                state.recorded = Recorded::Never;
            }
        });
    }

    /// Waits until the level is at least this.
    pub(crate) async fn reached(&self, level: Level) {
        // The sender is ours, so the channel cannot close.
        let _ = self
            .state
            .subscribe()
            .wait_for(|current| current.level >= level)
            .await;
    }
}

/// Wakes the waiters for the record of a stop when the run is gone: there will be no record.
#[derive(Debug)]
pub(crate) struct RecordGuard(pub(crate) Control);

impl Drop for RecordGuard {
    fn drop(&mut self) {
        self.0.will_not_be_recorded();
    }
}

#[cfg(test)]
mod tests;
