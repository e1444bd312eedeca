//! Stops a run from outside.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Go,
    /// The run itself stopped submitting, since further requests would fail alike.
    Halted,
    NoMoreSubmissions,
    End,
}

/// A handle that stops a run. Clones control the same run.
#[derive(Clone, Debug)]
pub struct Control(watch::Sender<Level>);

impl Control {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Level::Go))
    }

    /// Submits nothing more, and keeps polling what was accepted. Pending retries are dropped.
    pub fn stop_submitting(&self) {
        self.raise(Level::NoMoreSubmissions);
    }

    /// Ends the run immediately, with a complete report.
    pub fn end(&self) {
        self.raise(Level::End);
    }

    /// Drops everything that waits to be sent: it would be refused alike.
    pub(crate) fn halt(&self) {
        self.raise(Level::Halted);
    }

    fn raise(&self, level: Level) {
        self.0.send_if_modified(|current| {
            let higher = level > *current;
            *current = level.max(*current);
            higher
        });
    }

    pub(crate) fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// Waits until the level is at least this.
    pub(crate) async fn reached(&self, level: Level) {
        // The sender is ours, so the channel cannot close.
        let _ = self
            .0
            .subscribe()
            .wait_for(|current| *current >= level)
            .await;
    }
}
