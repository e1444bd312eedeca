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

/// A setting of a place that is not used, because an option or a variable names another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    pub(crate) key: Key,
    pub(crate) setting: Setting,
    /// The option or variable.
    pub(crate) because_of: String,
}

/// The effective values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    settings: BTreeMap<Key, Setting>,
    unused: Vec<Unused>,
}

impl Resolved {
    /// Merges layers in their order. With `simulated` no place of a layer counts.
    pub(super) fn of(given: &Given, layers: Vec<Layer>, simulated: bool) -> Self {
        let options = given.keys.keys().map(|key| (*key, option_of(*key)));
        let mut above: Vec<(Key, String)> = options.collect();
        let credentials = given.credentials;
        above.extend(credentials.map(|option| (Key::Cloud, option.to_owned())));
        let mut resolved = Self::default();
        for (key, value) in &given.keys {
            let (value, origin) = (value.clone(), option_of(*key));
            resolved.settings.insert(*key, Setting { value, origin });
        }
        for Layer(layer) in layers {
            let next = layer.iter();
            let next = next.map(|(key, setting)| (*key, setting.origin.clone()));
            let next: Vec<(Key, String)> = next.collect();
            for (key, setting) in layer {
                if simulated && key.is_place() {
                    continue;
                }
                match replacement(key, &above) {
                    Some((other, origin)) if is_notable(key, other, origin) => {
                        let because_of = origin.to_owned();
                        resolved.unused.push(Unused {
                            key,
                            setting,
                            because_of,
                        });
                    }
                    Some(_) => {}
                    None => {
                        resolved.settings.insert(key, setting);
                    }
                }
            }
            above.extend(next);
        }
        resolved
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Setting> {
        self.settings.get(&key)
    }

    /// Returns the settings of a place that are not used because another place is named.
    pub(super) fn unused(&self) -> &[Unused] {
        &self.unused
    }
}

fn option_of(key: Key) -> String {
    format!("--{}", key.name())
}

/// Returns the key that replaces this one, with its origin: the same key if it is there.
fn replacement(key: Key, above: &[(Key, String)]) -> Option<(Key, &str)> {
    let same = above.iter().find(|(other, _)| *other == key);
    let any = || above.iter().find(|(other, _)| key.is_replaced_by(*other));
    same.or_else(any)
        .map(|(other, origin)| (*other, origin.as_str()))
}

/// Returns whether a user may believe that a replaced setting is in effect. That is not so if the same setting has
/// another value, if other credentials replace credentials, if an address replaces the region that it would be derived
/// from, and within the configuration file.
fn is_notable(key: Key, other: Key, origin: &str) -> bool {
    let of_credentials = |key| matches!(key, Key::Cloud | Key::Profile);
    let is_derived_from = matches!(key, Key::Region | Key::Operator) && other == Key::Endpoint;
    let is_in_file = !origin.starts_with("--") && !origin.starts_with("ECSCTL_");
    let is_credential = of_credentials(key) && of_credentials(other);
    !(key == other || is_credential || is_derived_from || is_in_file)
}
