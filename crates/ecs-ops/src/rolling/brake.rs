//! The default brake: what stops a run in which actions keep failing although no limit was set.

use ecs_model::ServerId;

use super::{CountOrPercent, Rules, Waves};

impl Rules {
    /// The percentage of servers that may fail under the [default brake](Self::with_default_brake).
    pub const BRAKE_PERCENT: u8 = 10;
    /// The number of servers that may fail under the [default brake](Self::with_default_brake),
    /// however few servers there are.
    pub const BRAKE_AT_LEAST: usize = 2;

    /// The rules with the default brake for a run of `servers` servers. It replaces
    /// [`max_failures`](Self::max_failures). The run stops
    ///
    /// - when more than [`BRAKE_PERCENT`](Self::BRAKE_PERCENT) of the servers, and more than
    ///   [`BRAKE_AT_LEAST`](Self::BRAKE_AT_LEAST), have failed;
    /// - after a wave without a success;
    /// - after a canary of which a server failed, if no question follows.
    ///
    /// ```
    /// use ecs_ops::rolling::{CountOrPercent, Rules};
    ///
    /// let limit = |servers| Rules::default().with_default_brake(servers).max_failures;
    /// assert_eq!(limit(1200), Some(CountOrPercent::Count(120)));
    /// assert_eq!(limit(5), Some(CountOrPercent::Count(2)));
    /// ```
    pub fn with_default_brake(self, servers: usize) -> Self {
        let share = CountOrPercent::Percent(Self::BRAKE_PERCENT).of(servers);
        Self {
            max_failures: Some(CountOrPercent::Count(share.max(Self::BRAKE_AT_LEAST))),
            brake: true,
            ..self
        }
    }
}

impl Waves {
    /// The size of the first wave of [`small_first`](Self::small_first).
    pub const SMALL_FIRST: usize = 10;
    /// The most servers that [`small_first`](Self::small_first) leaves in one wave.
    pub const SMALL_FIRST_ABOVE: usize = 100;

    /// Two waves: [`SMALL_FIRST`](Self::SMALL_FIRST) servers, then all others. `None` for a run of
    /// at most [`SMALL_FIRST_ABOVE`](Self::SMALL_FIRST_ABOVE) servers.
    ///
    /// Requests for a thousand servers can leave before the first server has an outcome: without a
    /// small first wave no brake acts in time. The price is the time of one job.
    pub fn small_first(servers: &[ServerId]) -> Option<Self> {
        if servers.len() <= Self::SMALL_FIRST_ABOVE {
            return None;
        }
        let (first, others) = servers.split_at(Self::SMALL_FIRST);
        Some(Self::of(vec![first.to_vec(), others.to_vec()]))
    }
}

#[cfg(test)]
mod tests;
