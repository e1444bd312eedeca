//! The times at which the outcomes of servers became known.

use ecs_ops::ServerReport;
use ecs_ops::model::ServerId;
use jiff::Timestamp;

/// The times at which outcomes became known: 20 bytes per server, because outcomes of one poll share a time.
#[derive(Debug, Default)]
pub(super) struct OutcomeTimes {
    /// The index of each server's time.
    servers: Vec<(ServerId, u32)>,
    times: Vec<Timestamp>,
}

impl OutcomeTimes {
    /// Adds a time. Only the first one of a server counts.
    pub(super) fn note(&mut self, id: ServerId, at: Timestamp) {
        if self.times.last() != Some(&at) {
            self.times.push(at);
        }
        // There are fewer events than that.
        if let Ok(position) = u32::try_from(self.times.len() - 1) {
            self.servers.push((id, position));
        }
    }

    /// Adds the times to the servers of a report.
    pub(super) fn apply_to(mut self, servers: &mut [ServerReport]) {
        // Times were added in their order.
        self.servers.sort_unstable();
        for server in servers {
            let first = self.servers.partition_point(|(id, _)| *id < server.id);
            let noted = self.servers.get(first).filter(|(id, _)| *id == server.id);
            let position = noted.and_then(|(_, position)| usize::try_from(*position).ok());
            server.at = position.and_then(|position| self.times.get(position).copied());
        }
    }
}

#[cfg(test)]
mod tests;
