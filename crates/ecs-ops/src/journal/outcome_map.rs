//! The outcomes of many servers, of which most are alike.

use ecs_model::ServerId;
use rustc_hash::FxHashMap;

use crate::report::Outcome;

/// The number of the latest outcomes that are compared with a new one.
const COMPARED: usize = 4;

/// Outcomes by server. The servers of a request mostly end alike, with the job of their request: such an outcome is
/// held once, and 20 bytes for each server. It stays when its last server is gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutcomeMap {
    /// The position of the outcome of each server.
    servers: FxHashMap<ServerId, u32>,
    outcomes: Vec<Outcome>,
}

impl OutcomeMap {
    /// Reserves room for this number of servers.
    pub(crate) fn reserve(&mut self, servers: usize) {
        self.servers.reserve(servers);
    }

    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    pub(crate) fn contains_key(&self, id: &ServerId) -> bool {
        self.servers.contains_key(id)
    }

    pub(crate) fn get(&self, id: &ServerId) -> Option<&Outcome> {
        self.at(*self.servers.get(id)?)
    }

    /// The outcome of this server from now on.
    pub(crate) fn insert(&mut self, id: ServerId, outcome: Outcome) {
        let position = self.position(outcome);
        self.servers.insert(id, position);
    }

    /// The outcome of this server, unless it has one.
    pub(crate) fn insert_first(&mut self, id: ServerId, outcome: Outcome) {
        if !self.contains_key(&id) {
            self.insert(id, outcome);
        }
    }

    pub(crate) fn remove(&mut self, id: &ServerId) {
        self.servers.remove(id);
    }

    /// Keeps those of which this holds.
    pub(crate) fn retain(&mut self, mut holds: impl FnMut(&ServerId, &Outcome) -> bool) {
        let outcomes = &self.outcomes;
        self.servers.retain(|id, position| {
            of(outcomes, *position).is_some_and(|outcome| holds(id, outcome))
        });
    }

    /// In no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ServerId, &Outcome)> {
        let servers = self.servers.iter();
        servers.filter_map(|(id, position)| Some((id, self.at(*position)?)))
    }

    fn at(&self, position: u32) -> Option<&Outcome> {
        of(&self.outcomes, position)
    }

    /// Returns the position at which this outcome is held from now on.
    fn position(&mut self, outcome: Outcome) -> u32 {
        let latest = self.outcomes.iter().enumerate().rev().take(COMPARED);
        let known = latest.filter(|(_, known)| **known == outcome);
        let index = known.map(|(index, _)| index).next().unwrap_or_else(|| {
            self.outcomes.push(outcome);
            self.outcomes.len() - 1
        });
        // A run has fewer servers, and each of them few outcomes.
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

fn of(outcomes: &[Outcome], position: u32) -> Option<&Outcome> {
    outcomes.get(usize::try_from(position).ok()?)
}

#[cfg(test)]
mod tests;
