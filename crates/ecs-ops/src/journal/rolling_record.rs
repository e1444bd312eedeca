//! The waves and rules of a rolling run, as a record has them.

use std::time::Duration;

use ecs_model::ServerId;
use serde::{Deserialize, Serialize};

use crate::fleet::WaveRecheck;
use crate::rolling::{AfterCanary, CountOrPercent, Rules};

/// The waves and rules of a rolling run, resolved to numbers: see [`rolling`](crate::rolling).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollingRecord {
    /// The servers of each wave.
    pub waves: Vec<Vec<ServerId>>,
    /// The pause between waves, in milliseconds.
    pub pause_ms: u64,
    /// The failure budget. `None`: any number may fail.
    pub max_failures: Option<usize>,
    /// `true` if the first wave is a canary.
    pub canary: bool,
    /// The pause after the canary, in milliseconds. `None`: a question.
    pub canary_pause_ms: Option<u64>,
    /// The description of the health check after each wave. `None`: no check.
    pub health: Option<String>,
    /// The time limit of the check, in milliseconds. Optional since it was added to version 1
    /// later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_timeout_ms: Option<u64>,
    /// The time after which a server that is not back is restarted hard, in milliseconds. `None`:
    /// never.
    pub escalate_after_ms: Option<u64>,
    /// The time after which a server that hangs in its soft restart is restarted hard, in
    /// milliseconds. `None`: never. Optional since it was added to version 1 later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_hang_ms: Option<u64>,
    /// The read of a wave's servers before it begins, if there is one. Journals of earlier versions
    /// do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck: Option<WaveRecheck>,
    /// `true` if a wave without a success stops the run, and a canary that pauses and had a
    /// failure. Journals of earlier versions do not have it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub brake: bool,
}

impl RollingRecord {
    /// A record of these waves and rules.
    pub fn new(waves: Vec<Vec<ServerId>>, rules: &Rules) -> Self {
        let servers = waves.iter().map(Vec::len).sum();
        Self {
            waves,
            pause_ms: milliseconds(rules.pause),
            max_failures: rules
                .max_failures
                .map(|count_or_percent| count_or_percent.of(servers)),
            canary: rules.canary.is_some(),
            canary_pause_ms: match rules.canary {
                Some(AfterCanary::Pause(pause)) => Some(milliseconds(pause)),
                _ => None,
            },
            health: rules.check_health.then(String::new),
            health_timeout_ms: None,
            escalate_after_ms: None,
            escalate_hang_ms: None,
            recheck: None,
            brake: rules.brake,
        }
    }

    /// The rules.
    pub fn rules(&self) -> Rules {
        let after = |pause| AfterCanary::Pause(Duration::from_millis(pause));
        let after = self.canary_pause_ms.map_or(AfterCanary::Ask, after);
        Rules {
            max_failures: self.max_failures.map(CountOrPercent::Count),
            pause: Duration::from_millis(self.pause_ms),
            canary: self.canary.then_some(after),
            check_health: self.health.is_some(),
            brake: self.brake,
        }
    }
}

/// Returns `true` if a flag is omitted.
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// A duration as records hold it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
