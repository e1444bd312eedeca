//! Records of actions on servers, with their users. They arrive late, and reading them can be
//! denied.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use ecs_model::ServerId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::seed::{self, Purpose};
use crate::{Action, ActionKind};

/// The readability of the actions on a server (`os-instance-actions`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActionRecords {
    /// By every authenticated caller.
    #[default]
    Readable,
    /// By no caller: 403.
    Denied,
    /// The API does not exist: the gateway answers 404.
    Absent,
}

/// An action of another user, at a time of the region's clock. It takes place if the server has no
/// task then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherAction {
    /// The time.
    pub at: Duration,
    /// The place of the server in the list, from 0.
    pub place: usize,
    /// The action.
    pub action: Action,
}

/// A record.
#[derive(Clone, Debug)]
pub(crate) struct ActionRecord {
    pub(crate) start: Duration,
    pub(crate) end: Duration,
    /// The time at which it becomes readable.
    visible: Duration,
    pub(crate) action: Action,
    pub(crate) fails: bool,
    pub(crate) user_id: String,
    pub(crate) request_id: String,
}

impl ActionRecord {
    /// Returns the action's name in a record.
    pub(crate) fn name(&self) -> &'static str {
        match self.action.kind() {
            ActionKind::Reboot => "reboot",
            ActionKind::Start => "start",
            ActionKind::Stop => "stop",
        }
    }
}

/// All records.
#[derive(Debug)]
pub(crate) struct ActionLog {
    of: HashMap<ServerId, Vec<ActionRecord>>,
    rng: ChaCha8Rng,
    delay: RangeInclusive<Duration>,
}

impl ActionLog {
    pub(crate) fn new(seed: u64, delay: RangeInclusive<Duration>) -> Self {
        Self {
            of: HashMap::new(),
            rng: seed::rng(seed, Purpose::Records),
            delay,
        }
    }

    /// Records an action that takes place from `start` to `end`.
    pub(crate) fn push(
        &mut self,
        server: ServerId,
        (action, fails): (Action, bool),
        (start, end): (Duration, Duration),
        user_id: &str,
    ) {
        let delay = self.rng.random_range(self.delay.clone());
        let request: u128 = self.rng.random();
        let request_id = format!("req-{}", uuid_like(request));
        self.of.entry(server).or_default().push(ActionRecord {
            start,
            end,
            visible: start.saturating_add(delay),
            action,
            fails,
            user_id: user_id.to_owned(),
            request_id,
        });
    }

    /// Returns the readable records of a server at this time, newest first.
    pub(crate) fn of(
        &self,
        server: &ServerId,
        now: Duration,
    ) -> impl Iterator<Item = &ActionRecord> {
        let records = self.of.get(server).map_or(&[][..], Vec::as_slice);
        records
            .iter()
            .rev()
            .filter(move |record| record.visible <= now)
    }
}

/// Formats 32 hex digits in the groups of a UUID.
fn uuid_like(id: u128) -> String {
    ServerId::from_bytes(id.to_be_bytes()).to_string()
}
