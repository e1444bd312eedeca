//! The action of a run on its servers.

use ecs_model::{RebootType, StopType};

/// The default number of servers in a request.
pub(crate) const DEFAULT_BATCH_SIZE: usize = 100;

/// The action of a run on its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PowerAction {
    /// Restart them.
    Reboot(RebootType),
    /// Start them.
    Start,
    /// Stop them. `None` leaves the type to the service, which stops softly.
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

    /// `SOFT` or `HARD`; `None` if the request has no type.
    pub fn type_name(self) -> Option<&'static str> {
        match self {
            Self::Reboot(reboot_type) => Some(reboot_type.as_str()),
            Self::Start => None,
            Self::Stop(stop_type) => stop_type.map(StopType::as_str),
        }
    }

    /// The action of these names, if there is one: of [`name`](Self::name) and
    /// [`type_name`](Self::type_name).
    pub fn from_names(name: &str, type_name: Option<&str>) -> Option<Self> {
        match (name, type_name) {
            ("reboot", Some(kind)) => RebootType::from_wire(kind).map(Self::Reboot),
            ("start", None) => Some(Self::Start),
            ("stop", None) => Some(Self::Stop(None)),
            ("stop", Some(kind)) => StopType::from_wire(kind).map(|kind| Self::Stop(Some(kind))),
            _ => None,
        }
    }
}
