//! The next request of a run.

use ecs_model::ServerId;

use super::{RequestState, RunRequest, RunState};
use crate::runs::queue::RequestQueue;

impl RunState {
    /// The next request to submit; it is being submitted from now on.
    pub(crate) fn next_request(&mut self) -> Option<usize> {
        self.next_of(RequestQueue::next)
    }

    /// Returns the next request with a single server, as a trial.
    pub(crate) fn next_trial(&mut self) -> Option<usize> {
        self.next_of(RequestQueue::next_single)
    }

    /// Returns `true` if there is a request to submit.
    pub(crate) fn has_requests(&self) -> bool {
        self.halted.is_none() && self.queue.has_ready()
    }

    fn next_of(
        &mut self,
        next: impl FnOnce(&mut RequestQueue, usize) -> Option<Vec<ServerId>>,
    ) -> Option<usize> {
        if self.halted.is_some() {
            return None;
        }
        let index = self.requests.len();
        let servers = next(&mut self.queue, index)?;
        let purpose = self.purpose_of(&servers);
        let request = RunRequest::new(servers, purpose, RequestState::Submitting);
        self.requests.push(request);
        Some(index)
    }
}
