//! What a run does to its servers.

use ecs_model::{RebootType, StopType};

/// How many servers are in a request, unless a run says something else.
pub(crate) const DEFAULT_BATCH_SIZE: usize = 100;

/// What a run does to its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PowerAction {
    /// Restart them.
    Reboot(RebootType),
    /// Start them.
    Start,
    /// Stop them; without a type the service stops them softly.
    Stop(Option<StopType>),
}

impl PowerAction {
    /// `reboot`, `start` or `stop`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reboot(_) => "reboot",
            Self::Start => "start",
            Self::Stop(_) => "stop",
        }
    }

    /// `SOFT` or `HARD`, where the request says so.
    pub fn type_name(self) -> Option<&'static str> {
        match self {
            Self::Reboot(reboot_type) => Some(reboot_type.as_str()),
            Self::Start => None,
            Self::Stop(stop_type) => stop_type.map(StopType::as_str),
        }
    }
}
