//! The action of a run on its servers.

use std::fmt;
use std::str::FromStr;

use ecs_model::{ParseValueError, RebootType, StopType};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The default number of servers in a request.
pub(crate) const DEFAULT_BATCH_SIZE: usize = 100;

/// The action of a run on its servers.
///
/// As JSON `{"operation":"reboot","type":"SOFT"}`, the keys of reports and journals.
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
    /// The error for names of no action.
    pub(crate) const UNKNOWN: &str = "an operation that does not exist";

    /// The text of each action.
    const TEXTS: &[&str] = &[
        "reboot SOFT",
        "reboot HARD",
        "start",
        "stop",
        "stop SOFT",
        "stop HARD",
    ];

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

impl fmt::Display for PowerAction {
    /// `reboot SOFT`, `start`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.type_name().map_or(Ok(()), |kind| write!(f, " {kind}"))
    }
}

/// Parses what [`Display`](fmt::Display) writes; the type in any case, as people type it.
impl FromStr for PowerAction {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, ParseValueError> {
        let mut words = text.split_whitespace();
        let (name, kind, rest) = (words.next(), words.next(), words.next());
        let kind = kind.map(str::to_ascii_uppercase);
        name.filter(|_| rest.is_none())
            .and_then(|name| Self::from_names(name, kind.as_deref()))
            .ok_or_else(|| ParseValueError::new(text, Self::TEXTS))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionWire {
    operation: String,
    r#type: Option<String>,
}

impl Serialize for PowerAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = ActionWire {
            operation: self.name().to_owned(),
            r#type: self.type_name().map(str::to_owned),
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PowerAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = ActionWire::deserialize(deserializer)?;
        let action = Self::from_names(&wire.operation, wire.r#type.as_deref());
        action.ok_or_else(|| D::Error::custom(Self::UNKNOWN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_read_back() {
        let stops = [None, Some(StopType::Soft), Some(StopType::Hard)];
        let actions = stops.into_iter().map(PowerAction::Stop);
        let reboots = RebootType::ALL.iter().copied().map(PowerAction::Reboot);
        for action in actions.chain(reboots).chain([PowerAction::Start]) {
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(
                serde_json::from_str::<PowerAction>(&json).ok(),
                Some(action),
                "{json}"
            );
            let text = action.to_string();
            assert!(PowerAction::TEXTS.contains(&text.as_str()));
            assert_eq!(text.to_lowercase().parse(), Ok(action));
        }
        assert_eq!(
            PowerAction::Reboot(RebootType::Soft).to_string(),
            "reboot SOFT"
        );
        let error = serde_json::from_str::<PowerAction>(r#"{"operation":"start","type":"SOFT"}"#);
        assert!(error.is_err());
        for wrong in [
            "",
            "reboot",
            "reboot warm",
            "start SOFT",
            "stop SOFT now",
            "delete",
        ] {
            let error = wrong.parse::<PowerAction>().unwrap_err().to_string();
            assert!(
                error.contains("is not one of reboot SOFT, reboot HARD, start"),
                "{error}"
            );
        }
    }
}
