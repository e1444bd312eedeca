//! The events of a rolling run, and the next action of its driver.

use std::time::Duration;

use ecs_model::ServerId;

use crate::rolling::StopReason;

/// Something that happened in a rolling run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WaveEvent {
    /// A wave began: its servers may be submitted.
    Began {
        /// The wave, counted from 0.
        wave: usize,
    },
    /// A server has its final outcome: once for each server, after a hard restart if there was one.
    Ended {
        /// The server.
        server: ServerId,
        /// `true` if it succeeded. An unknown outcome is not a success.
        succeeded: bool,
    },
    /// The health check passed.
    Healthy,
    /// The health check failed or timed out, and why.
    Unhealthy(String),
    /// The question was answered; `true`: continue.
    Answered(bool),
    /// The pause has ended.
    Paused,
    /// The servers of a wave were read before they are sent.
    Rechecked {
        /// The wave, counted from 0.
        wave: usize,
        /// The servers that are not ready.
        unready: Vec<ServerId>,
        /// `true` if those are skipped; otherwise the run stops.
        skipped: bool,
        /// The reason why they are not ready, or why they could not be read.
        message: Option<String>,
    },
    /// Another process resumed the run, whatever had stopped it.
    Resumed {
        /// `true` if the previous process reported its end. If so, the operator knows its
        /// failures and they are counted from zero; otherwise they stop the run again. The same
        /// holds for the canary.
        reported: bool,
        /// Servers that are still polled.
        awaited: Vec<ServerId>,
        /// Servers that were certainly not acted on. Those of earlier waves come last, in waves of
        /// their own.
        unsent: Vec<ServerId>,
    },
}

/// The next action of the driver. It stays the same until an event changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WaveAction {
    /// Read the servers of this wave, then report [`WaveEvent::Rechecked`]. Only
    /// [`RunState`](crate::runs) says so, which knows whether that was done.
    Recheck {
        /// The wave, counted from 0.
        wave: usize,
    },
    /// Begin this wave, then report [`WaveEvent::Began`].
    Start {
        /// The wave, counted from 0.
        wave: usize,
    },
    /// Submit the rest of this wave and wait for the outcomes of its servers.
    Await {
        /// The wave, counted from 0.
        wave: usize,
    },
    /// Run the health check.
    CheckHealth {
        /// The wave that ended, counted from 0.
        wave: usize,
    },
    /// Ask whether to continue after the canary.
    Ask,
    /// Pause.
    Pause {
        /// The wave that ended, counted from 0.
        wave: usize,
        /// The length of the pause.
        pause: Duration,
    },
    /// Submit nothing more. The rest is not attempted.
    Stop(StopReason),
    /// All waves are finished.
    Done,
}
