//! Records of what was done to servers, and by whom: they come late, and the right to read them can be missing.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use ecs_model::ServerId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::seed::{self, Purpose};
use crate::{Action, ActionKind};

/// Whether the actions on a server can be read (`os-instance-actions`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActionRecords {
    /// By everybody who is let in.
    #[default]
    Readable,
    /// By nobody: 403.
    Denied,
    /// There is no such API: the gateway answers 404.
    Absent,
}

/// An action of another user, at a time of the region's clock. It takes place if nothing is being done to the server then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherAction {
    /// When.
    pub at: Duration,
    /// The place of the server in the list, from 0.
    pub place: usize,
    /// What is done.
    pub action: Action,
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct ActionRecord {
    pub(crate) start: Duration,
    pub(crate) end: Duration,
    /// When it can be read.
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

    /// What can be read of a server at this time, the newest first.
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

/// 32 hex digits in the groups of a UUID.
fn uuid_like(id: u128) -> String {
    ServerId::from_bytes(id.to_be_bytes()).to_string()
}
