//! Stopping a run from outside.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Go,
    /// The run itself found that submitting more is of no use.
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

    /// Submits nothing more, and keeps watching what was accepted. What waits to be sent again is not.
    pub fn stop_submitting(&self) {
        self.raise(Level::NoMoreSubmissions);
    }

    /// Ends the run at once, with a complete report.
    pub fn end(&self) {
        self.raise(Level::End);
    }

    /// Whatever waits to be sent would end in the same way as what was refused.
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
