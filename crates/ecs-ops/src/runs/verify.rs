//! Verifies servers whose job succeeded: a job can end while a server still comes up.

use std::collections::HashMap;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::ServerId;
use tokio::time::Instant;

use super::evidence::ServerList;
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
    lists: u32,
    /// The duration of the last list.
    last_list_took: Duration,
    underway: bool,
}

impl Verifier {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            since: HashMap::new(),
            lists: 0,
            last_list_took: Duration::ZERO,
            underway: false,
        }
    }

    /// When to list next; `None` if a list is underway or not needed.
    pub(super) fn next_list(&mut self, client: &Client, state: &RunState) -> Option<Instant> {
        let now = Instant::now();
        self.since.retain(|id, _| state.is_unverified(id));
        let before = self.since.len();
        for id in state.unverified() {
            self.since.entry(*id).or_insert(now);
        }
        if self.since.len() > before {
            self.lists = 0;
        }
        let first = self.since.values().min()?;
        if std::mem::replace(&mut self.underway, true) {
            return None;
        }
        let pause = FIRST.saturating_mul(1 << self.lists.min(8)).min(LONGEST);
        // Listing a large project takes a while: at most half of the time goes into lists.
        let next = now.checked_add(client.0.core.scaled(pause).max(self.last_list_took))?;
        let last = first.checked_add(self.within);
        Some(
            last.filter(|last| *last > now)
                .map_or(next, |last| next.min(last)),
        )
    }

    /// Applies a list that began at `began`.
    pub(super) fn on_list(
        &mut self,
        client: &Client,
        state: &mut RunState,
        began: Instant,
        listed: Result<ServerList, Problem>,
    ) -> Vec<Event> {
        self.underway = false;
        self.lists = self.lists.saturating_add(1);
        self.last_list_took = began.elapsed();
        // A list says nothing about a server whose job ended after the list began.
        let age = |id: &ServerId| began.checked_duration_since(*self.since.get(id)?);
        // Nor about the time after it began.
        let since = |then| {
            client
                .0
                .core
                .clock()
                .since(then)
                .saturating_sub(began.elapsed())
        };
        state.verify(listed.as_ref(), age, self.within, since)
    }
}

#[cfg(test)]
mod tests;
