//! The log of accepted requests: the truth that tests compare a client's reports with.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ecs_model::{JobId, ServerId};

use crate::{Action, ActionKind};

/// An accepted request. Its servers are acted on, whatever the client learns of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acceptance {
    /// The time, by the region's clock.
    pub at: Duration,
    /// The action.
    pub action: Action,
    /// The job that performs it.
    pub job_id: JobId,
    /// The id of the exchange.
    pub request_id: String,
    /// The servers, in the order of the request.
    pub servers: Vec<ServerId>,
}

/// All accepted requests, oldest first.
#[derive(Clone, Debug, Default)]
pub struct AcceptanceLog {
    entries: Vec<Acceptance>,
    times: HashMap<ServerId, u32>,
}

impl AcceptanceLog {
    pub(crate) fn push(&mut self, acceptance: Acceptance) {
        for id in &acceptance.servers {
            let times = self.times.entry(*id).or_default();
            *times = times.saturating_add(1);
        }
        self.entries.push(acceptance);
    }

    /// Returns the acceptances, oldest first.
    pub fn entries(&self) -> &[Acceptance] {
        &self.entries
    }

    /// Returns how many times this server was accepted.
    pub fn times(&self, server: &ServerId) -> u32 {
        self.times.get(server).copied().unwrap_or(0)
    }

    /// Returns how many times the most frequently accepted server was accepted; 1 means that no
    /// server was accepted twice.
    pub fn most_times(&self) -> u32 {
        self.times.values().copied().max().unwrap_or(0)
    }

    /// Returns the number of different servers that were accepted.
    pub fn distinct_servers(&self) -> usize {
        self.times.len()
    }

    /// Returns the largest number of servers that were accepted for this kind of action in any
    /// window of this length. Two acceptances that are exactly one length apart do not share a
    /// window.
    pub fn peak(&self, kind: ActionKind, window: Duration) -> usize {
        let mut inside: VecDeque<&Acceptance> = VecDeque::new();
        let (mut sum, mut peak) = (0, 0);
        for entry in self.entries.iter().filter(|e| e.action.kind() == kind) {
            inside.push_back(entry);
            sum += entry.servers.len();
            while let Some(first) = inside.front() {
                if entry.at.saturating_sub(first.at) < window || first.at == entry.at {
                    break;
                }
                sum -= first.servers.len();
                inside.pop_front();
            }
            peak = peak.max(sum);
        }
        peak
    }
}
