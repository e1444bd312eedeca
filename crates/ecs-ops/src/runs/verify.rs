//! Verifies servers whose job succeeded: a job can end while a server still comes up.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::ServerId;
use tokio::time::Instant;

use super::evidence::ServerList;
use super::schedule::Schedule;
use super::state::RunState;
use crate::Client;
use crate::event::Event;

/// The first pause before a list; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);

/// Decides when to list servers, and for how long.
#[derive(Debug)]
pub(super) struct Verifier {
    /// The time a server has after its job.
    within: Duration,
    since: HashMap<ServerId, Instant>,
    schedule: Schedule,
}

impl Verifier {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            since: HashMap::new(),
            schedule: Schedule::new(FIRST, LONGEST),
        }
    }

    /// Returns the time of the next list; `None` if that is not needed.
    pub(super) fn next_list(&mut self, client: &Client, state: &RunState) -> Option<Instant> {
        let now = Instant::now();
        self.since.retain(|id, _| state.is_unverified(id));
        let before = self.since.len();
        for id in state.unverified() {
            self.since.entry(*id).or_insert(now);
        }
        if self.since.len() > before {
            self.schedule.restart(client);
        }
        let Some(first) = self.since.values().min() else {
            self.schedule.cancel();
            return None;
        };
        let last = first.checked_add(self.within).unwrap_or(now);
        Some(self.schedule.due(client, last))
    }

    /// The servers that are verified.
    pub(super) fn servers(&self) -> impl Iterator<Item = &ServerId> {
        self.since.keys()
    }

    /// Applies a list of the servers that are `covered`, which began at `began`.
    pub(super) fn on_list(
        &mut self,
        client: &Client,
        state: &mut RunState,
        began: Instant,
        covered: &HashSet<ServerId>,
        listed: Result<&ServerList, &Problem>,
    ) -> Vec<Event> {
        if self.since.is_empty() {
            return Vec::new();
        }
        // Listing a large project takes a while: at most half of the time goes into lists.
        self.schedule.listed(began.elapsed());
        // A list says nothing about a server whose job ended after the list began.
        let age = |id: &ServerId| {
            let since = self.since.get(id).filter(|_| covered.contains(id))?;
            began.checked_duration_since(*since)
        };
        // Nor about the time after it began.
        let since = |then| {
            let clock = client.0.core.clock();
            clock.since(then).saturating_sub(began.elapsed())
        };
        state.verify(listed, age, self.within, since)
    }
}

#[cfg(test)]
mod tests;
