//! Reads servers whose soft restart takes long, to find those that hang in it.

use std::collections::HashSet;
use std::time::Duration;

use ecs_client::Problem;
use ecs_client::clock::after;
use ecs_model::ServerId;
use tokio::time::Instant;

use super::evidence::ServerList;
use super::state::RunState;
use crate::Client;

/// The time between two reads. A restart usually takes 15 to 35 seconds.
const PAUSE: Duration = Duration::from_secs(180);

/// Decides when to read the servers. Its times are those of a clock that is not set.
#[derive(Debug)]
pub(super) struct HangWatch {
    origin: Instant,
    /// `None`: hangs are not watched, or a read is underway.
    next: Option<Instant>,
    /// The servers that were restarting when the last read was due.
    restarting: HashSet<ServerId>,
    /// The read in progress, with its request.
    reading: Vec<(usize, ServerId)>,
}

impl HangWatch {
    pub(super) fn new(client: &Client, state: &RunState) -> Self {
        let next = || after(client.0.core.scaled(PAUSE));
        Self {
            origin: Instant::now(),
            next: state.watches_hangs().then(next),
            restarting: HashSet::new(),
            reading: Vec::new(),
        }
    }

    /// Returns the time of the next read.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The read is due. Returns the servers to read: those that were restarting when the last one
    /// was due, too.
    pub(super) fn begin(&mut self, client: &Client, state: &RunState) -> Vec<ServerId> {
        self.reading = state.restarting();
        let restarting = self.reading.iter().map(|(_, id)| *id).collect();
        let before = std::mem::replace(&mut self.restarting, restarting);
        self.reading.retain(|(_, id)| before.contains(id));
        self.next = self
            .reading
            .is_empty()
            .then(|| after(client.0.core.scaled(PAUSE)));
        self.reading.iter().map(|(_, id)| *id).collect()
    }

    /// Applies a list that began at `began`: it says nothing about the time after that.
    pub(super) fn on_list(
        &mut self,
        client: &Client,
        state: &mut RunState,
        began: Instant,
        listed: Result<&ServerList, &Problem>,
    ) {
        let at = began.saturating_duration_since(self.origin);
        let at = client.0.core.service_time(at);
        state.read_hangs(&std::mem::take(&mut self.reading), listed, at);
        self.next = Some(after(client.0.core.scaled(PAUSE)));
    }
}
