//! Splits servers into requests.

use ecs_model::{
    BatchRebootServers, BatchStartServers, BatchStopServers, Operation as _, ProjectId, ServerId,
    ValidationError,
};

use crate::action::PowerAction;

/// The requests that a run is going to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The action.
    pub action: PowerAction,
    /// The servers of each request, in the given order.
    pub requests: Vec<Vec<ServerId>>,
    /// The number of requests of each wave; empty for a run without waves.
    pub waves: Vec<usize>,
    /// The most servers in one request.
    pub batch_size: usize,
}

impl Plan {
    /// Splits into requests of `size`, the last one being smaller.
    pub(crate) fn new(action: PowerAction, servers: &[ServerId], size: usize) -> Self {
        Self {
            action,
            requests: requests(servers, size).collect(),
            waves: Vec::new(),
            batch_size: size,
        }
    }

    /// Splits each wave.
    pub(crate) fn in_waves(action: PowerAction, waves: &[Vec<ServerId>], size: usize) -> Self {
        let requests = waves.iter().map(|wave| requests(wave, size));
        Self {
            action,
            waves: requests.clone().map(Iterator::count).collect(),
            requests: requests.flatten().collect(),
            batch_size: size,
        }
    }

    /// The number of servers.
    pub fn servers(&self) -> usize {
        self.requests.iter().map(Vec::len).sum()
    }

    /// The HTTP request of each planned request, without endpoint and credentials.
    ///
    /// # Errors
    /// A plan made by a [`RunBuilder`](crate::RunBuilder) was checked and gives no error.
    pub fn http_requests(
        &self,
        project: &ProjectId,
    ) -> Result<Vec<http::Request<bytes::Bytes>>, ValidationError> {
        let encode = |servers: &Vec<ServerId>| {
            let servers = servers.clone();
            Ok(match self.action {
                PowerAction::Reboot(reboot_type) => {
                    BatchRebootServers::new(reboot_type, servers)?.encode(project)
                }
                PowerAction::Start => BatchStartServers::new(servers)?.encode(project),
                PowerAction::Stop(stop_type) => {
                    BatchStopServers::new(stop_type, servers)?.encode(project)
                }
            })
        };
        self.requests.iter().map(encode).collect()
    }
}

fn requests(servers: &[ServerId], size: usize) -> impl Iterator<Item = Vec<ServerId>> {
    servers.chunks(size.max(1)).map(<[ServerId]>::to_vec)
}
