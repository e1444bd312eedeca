//! A sent request after its client gives up.

use tokio::task::JoinHandle;

use super::trace::Received;
use super::{Answer, Inner};

/// A request that has left. When the client gives up it continues, or ends with its connection.
pub(super) struct Journey {
    pub(super) task: JoinHandle<Option<Answer>>,
    pub(super) outlives: bool,
}

impl Drop for Journey {
    fn drop(&mut self) {
        if !self.outlives {
            self.task.abort();
        }
    }
}

/// Records when the client stopped waiting, also when it dropped the future.
pub(super) struct Ending<'a> {
    pub(super) inner: &'a Inner,
    pub(super) index: usize,
    pub(super) received: Received,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let received = self.received;
        self.inner.note(self.index, |exchange, now| {
            exchange.ended = Some((now, received));
        });
    }
}
