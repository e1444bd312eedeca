//! The records of Cloud Trace Service: each requested action with its user, its request and its
//! answer. Traces arrive late, the service can be disabled, and reading can be denied.

use std::ops::RangeInclusive;
use std::time::Duration;

use ecs_model::ServerId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::seed::{self, Purpose};
use crate::{Action, ActionKind};

/// The readability of traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TraceAccess {
    /// By every authenticated caller.
    #[default]
    Readable,
    /// Like [`Readable`](Self::Readable), but the answers in traces have no job id.
    WithoutJobs,
    /// The service is not enabled: there are none.
    NotEnabled,
    /// By no caller: 403.
    Denied,
    /// The service does not exist: the gateway answers 404.
    Absent,
}

/// A trace.
#[derive(Clone, Debug)]
pub(crate) struct TraceRecord {
    pub(crate) id: String,
    pub(crate) at: Duration,
    /// The time at which it becomes readable.
    pub(crate) visible: Duration,
    pub(crate) action: Action,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) user_id: String,
    pub(crate) request_id: String,
    /// The status of the answer and its body.
    pub(crate) answer: (u16, String),
}

impl TraceRecord {
    pub(crate) fn name(&self) -> &'static str {
        match self.action.kind() {
            ActionKind::Reboot => "rebootServer",
            ActionKind::Start => "startServer",
            ActionKind::Stop => "stopServer",
        }
    }
}

/// All traces, in the order of their time.
#[derive(Debug)]
pub(crate) struct TraceStore {
    all: Vec<TraceRecord>,
    rng: ChaCha8Rng,
    delay: RangeInclusive<Duration>,
}

impl TraceStore {
    pub(crate) fn new(seed: u64, delay: RangeInclusive<Duration>) -> Self {
        Self {
            all: Vec::new(),
            rng: seed::rng(seed, Purpose::Traces),
            delay,
        }
    }

    /// Records a requested action and its answer.
    pub(crate) fn push(
        &mut self,
        at: Duration,
        (action, servers): (Action, &[ServerId]),
        (user_id, request_id): (&str, &str),
        answer: (u16, String),
    ) {
        let delay = self.rng.random_range(self.delay.clone());
        let id: u128 = self.rng.random();
        self.all.push(TraceRecord {
            id: ServerId::from_bytes(id.to_be_bytes()).to_string(),
            at,
            visible: at.saturating_add(delay),
            action,
            servers: servers.to_vec(),
            user_id: user_id.to_owned(),
            request_id: request_id.to_owned(),
            answer,
        });
    }

    /// Returns the readable traces at this time, newest first.
    pub(crate) fn visible(&self, now: Duration) -> impl Iterator<Item = &TraceRecord> {
        self.all
            .iter()
            .rev()
            .filter(move |trace| trace.visible <= now)
    }
}
