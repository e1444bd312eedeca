//! What can be done to servers.

use ecs_model::{RebootType, StopType};

/// What can be done to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Restart.
    Reboot(RebootType),
    /// Start.
    Start,
    /// Stop.
    Stop(StopType),
}

/// The kinds of [`Action`], each of which has a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Restart, soft or hard.
    Reboot,
    /// Start.
    Start,
    /// Stop, soft or hard.
    Stop,
}

impl Action {
    /// Returns which quota it counts against.
    pub fn kind(self) -> ActionKind {
        match self {
            Self::Reboot(_) => ActionKind::Reboot,
            Self::Start => ActionKind::Start,
            Self::Stop(_) => ActionKind::Stop,
        }
    }
}
