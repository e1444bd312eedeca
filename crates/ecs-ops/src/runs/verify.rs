//! Whether servers have settled whose job succeeded: a job can end while a server still comes up.

use std::collections::HashMap;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::ServerId;
use tokio::time::Instant;

use super::evidence::ServerList;
use super::state::RunState;
use crate::Client;
use crate::event::Event;

/// The first pause before the servers are listed; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);

/// When to look, and for how long.
#[derive(Debug)]
pub(super) struct Verifier {
    /// How long a server may take after its job.
    within: Duration,
    since: HashMap<ServerId, Instant>,
    lists: u32,
    /// How long the last list took.
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

    /// When to look next, if that is due to be arranged.
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
        // A list of a large project takes a while: no more than half of the time goes into lists.
        let next = now.checked_add(client.0.core.scaled(pause).max(self.last_list_took))?;
        let last = first.checked_add(self.within);
        Some(
            last.filter(|last| *last > now)
                .map_or(next, |last| next.min(last)),
        )
    }

    /// The servers were listed, from `began` on.
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
        // A list tells nothing of a server whose job ended after it was begun.
        let age = |id: &ServerId| began.checked_duration_since(*self.since.get(id)?);
        // Nor of a time after it was begun.
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
