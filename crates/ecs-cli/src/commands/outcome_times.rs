//! When the outcomes of servers became known.

use ecs_ops::ServerReport;
use ecs_ops::model::ServerId;
use jiff::Timestamp;

/// When the outcome of each server became known: 20 bytes for each, since those of one poll have the same time.
#[derive(Debug, Default)]
pub(super) struct OutcomeTimes {
    /// The position of each server's time.
    servers: Vec<(ServerId, u32)>,
    times: Vec<Timestamp>,
}

impl OutcomeTimes {
    /// Notes a time. The first one of a server counts.
    pub(super) fn note(&mut self, id: ServerId, at: Timestamp) {
        if self.times.last() != Some(&at) {
            self.times.push(at);
        }
        // There are fewer events.
        if let Ok(position) = u32::try_from(self.times.len() - 1) {
            self.servers.push((id, position));
        }
    }

    /// Adds the times to the servers of a report.
    pub(super) fn tell(mut self, servers: &mut [ServerReport]) {
        // Times were noted in their order.
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
