//! Splits servers into requests.

use ecs_model::ServerId;

use crate::action::PowerAction;

/// The requests that a run is going to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestPlan {
    pub(crate) action: PowerAction,
    /// The servers of each request, in the given order.
    pub(crate) requests: Vec<Vec<ServerId>>,
    /// The number of requests of each wave; empty for a run without waves.
    pub(crate) waves: Vec<usize>,
    /// The most servers in one request.
    pub(crate) batch_size: usize,
}

impl RequestPlan {
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
    pub(crate) fn in_waves<'a>(
        action: PowerAction,
        waves: impl IntoIterator<Item = &'a [ServerId]>,
        size: usize,
    ) -> Self {
        let mut plan = Self::new(action, &[], size);
        for wave in waves {
            let before = plan.requests.len();
            plan.requests.extend(requests(wave, size));
            plan.waves.push(plan.requests.len() - before);
        }
        plan
    }
}

fn requests(servers: &[ServerId], size: usize) -> impl Iterator<Item = Vec<ServerId>> {
    servers.chunks(size.max(1)).map(<[ServerId]>::to_vec)
}
