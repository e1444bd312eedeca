//! Layers of settings, and the precedence among them. Pure.

use std::collections::BTreeMap;

use crate::fail::CliError;

/// A setting. The order is that in which settings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Cloud,
    Profile,
    Endpoint,
    Region,
    Operator,
    ProjectId,
    IamEndpoint,
    AsEndpoint,
    CtsEndpoint,
    CaFile,
    Wave,
    Pause,
    MaxFailures,
    HealthCmd,
    HealthTimeout,
    Canary,
    CanaryPause,
    Verify,
    VerifyTimeout,
    Reconcile,
    Deadline,
    JournalDir,
    JournalKeep,
    Store,
}

impl Key {
    pub(crate) const ALL: [Self; 24] = [
        Self::Cloud,
        Self::Profile,
        Self::Endpoint,
        Self::Region,
        Self::Operator,
        Self::ProjectId,
        Self::IamEndpoint,
        Self::AsEndpoint,
        Self::CtsEndpoint,
        Self::CaFile,
        Self::Wave,
        Self::Pause,
        Self::MaxFailures,
        Self::HealthCmd,
        Self::HealthTimeout,
        Self::Canary,
        Self::CanaryPause,
        Self::Verify,
        Self::VerifyTimeout,
        Self::Reconcile,
        Self::Deadline,
        Self::JournalDir,
        Self::JournalKeep,
        Self::Store,
    ];

    /// Returns the name in the file, which with two dashes is the option.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Profile => "profile",
            Self::Endpoint => "endpoint",
            Self::Region => "region",
            Self::Operator => "operator",
            Self::ProjectId => "project-id",
            Self::IamEndpoint => "iam-endpoint",
            Self::AsEndpoint => "as-endpoint",
            Self::CtsEndpoint => "cts-endpoint",
            Self::CaFile => "ca-file",
            Self::Wave => "wave",
            Self::Pause => "pause",
            Self::MaxFailures => "max-failures",
            Self::HealthCmd => "health-cmd",
            Self::HealthTimeout => "health-timeout",
            Self::Canary => "canary",
            Self::CanaryPause => "canary-pause",
            Self::Verify => "verify",
            Self::VerifyTimeout => "verify-timeout",
            Self::Reconcile => "reconcile",
            Self::Deadline => "deadline",
            Self::JournalDir => "journal-dir",
            Self::JournalKeep => "journal-keep",
            Self::Store => "store",
        }
    }

    /// Returns the environment variable.
    pub(crate) fn variable(self) -> String {
        let name = self.name().replace('-', "_").to_ascii_uppercase();
        format!("ECSCTL_{name}")
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Returns whether the setting is one of a place or of credentials. The embedded simulator has its own.
    fn is_place(self) -> bool {
        self <= Self::CaFile
    }

    /// Returns whether a lower layer must not set it if a higher one sets `other`, because both belong to one place.
    fn is_replaced_by(self, other: Self) -> bool {
        let of_credentials = |key| matches!(key, Self::Cloud | Self::Profile);
        let of_region = |key| matches!(key, Self::Endpoint | Self::Region | Self::Operator);
        match other {
            _ if self == other => true,
            // Another account is another place.
            Self::Cloud | Self::Profile => self.is_place() && self != Self::CaFile,
            Self::Endpoint | Self::Region | Self::Operator => {
                of_region(self)
                    || matches!(
                        self,
                        Self::ProjectId | Self::IamEndpoint | Self::AsEndpoint | Self::CtsEndpoint
                    )
            }
            _ => of_credentials(self) && of_credentials(other),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// The settings of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layer(pub(super) BTreeMap<Key, Setting>);

impl Layer {
    /// Returns the layer of the environment.
    pub(super) fn of_environment() -> Result<Self, CliError> {
        let mut layer = Self::default();
        for key in Key::ALL {
            let origin = key.variable();
            let value = match std::env::var(&origin) {
                Ok(value) if !value.is_empty() => value,
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(CliError::usage(format!("{origin}: the value is not text")));
                }
                _ => continue,
            };
            layer.0.insert(key, Setting { value, origin });
        }
        Ok(layer)
    }
}

/// The keys that options give. A credential that is not a setting counts as another cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) keys: BTreeMap<Key, String>,
    /// The option with credentials that no layer can have.
    pub(super) credentials: Option<&'static str>,
}

/// The effective values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved(BTreeMap<Key, Setting>);

impl Resolved {
    /// Merges layers in their order. With `simulated` no place of a layer counts.
    pub(super) fn of(given: &Given, layers: Vec<Layer>, simulated: bool) -> Self {
        let mut above: Vec<Key> = given.keys.keys().copied().collect();
        above.extend(given.credentials.map(|_| Key::Cloud));
        let mut resolved = BTreeMap::new();
        for (key, value) in &given.keys {
            let origin = format!("--{}", key.name());
            let value = value.clone();
            resolved.insert(*key, Setting { value, origin });
        }
        for Layer(layer) in layers {
            let keys: Vec<Key> = layer.keys().copied().collect();
            for (key, setting) in layer {
                let is_replaced = above.iter().any(|other| key.is_replaced_by(*other));
                let is_left_out = is_replaced || (simulated && key.is_place());
                if !is_left_out {
                    resolved.insert(key, setting);
                }
            }
            above.extend(keys);
        }
        Self(resolved)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Setting> {
        self.0.get(&key)
    }
}
