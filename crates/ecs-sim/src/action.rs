//! Actions on servers.

use ecs_model::{RebootType, StopType};

/// An action on servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Restart.
    Reboot(RebootType),
    /// Start.
    Start,
    /// Stop.
    Stop(StopType),
}

/// The kinds of [`Action`], each with its own quota.
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
    /// Returns the kind, which determines the quota.
    pub fn kind(self) -> ActionKind {
        match self {
            Self::Reboot(_) => ActionKind::Reboot,
            Self::Start => ActionKind::Start,
            Self::Stop(_) => ActionKind::Stop,
        }
    }
}
