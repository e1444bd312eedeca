//! The settings of one source, each with its name and whether it is accounted for.

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::fields::{Aspect, Field, Names};

/// The source of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The options of the caller.
    Options,
    /// The variables `HUAWEICLOUD_SDK_*` of the official SDKs.
    HuaweiEnvironment,
    /// The variables `OS_*`.
    OpenStackEnvironment,
    /// The variables `HW_*` of the Terraform provider.
    TerraformEnvironment,
    /// A cloud of `clouds.yaml`.
    Cloud {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// A section of `~/.huaweicloud/credentials`.
    Profile {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// A profile of KooCLI.
    KooCli {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// The metadata service of the server that this process runs on.
    Metadata,
}

/// A family of sources that belong to the same tools, and whose settings belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Options,
    Huawei,
    OpenStack,
    Terraform,
    KooCli,
}

impl CredentialSource {
    pub(super) fn family(&self) -> Family {
        match self {
            Self::Options => Family::Options,
            Self::HuaweiEnvironment | Self::Profile { .. } | Self::Metadata => Family::Huawei,
            Self::OpenStackEnvironment | Self::Cloud { .. } => Family::OpenStack,
            Self::TerraformEnvironment => Family::Terraform,
            Self::KooCli { .. } => Family::KooCli,
        }
    }

    /// Returns whether the source is a file.
    pub(super) fn is_file(&self) -> bool {
        matches!(
            self,
            Self::Cloud { .. } | Self::Profile { .. } | Self::KooCli { .. }
        )
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options => f.write_str("the options"),
            Self::HuaweiEnvironment => f.write_str("the environment (HUAWEICLOUD_SDK_*)"),
            Self::OpenStackEnvironment => f.write_str("the environment (OS_*)"),
            Self::TerraformEnvironment => f.write_str("the environment (HW_*)"),
            Self::Cloud { name, file } => write!(f, "cloud {name} in {}", file.display()),
            Self::Profile { name, file } => write!(f, "profile {name} in {}", file.display()),
            Self::KooCli { name, file } => write!(f, "KooCLI profile {name} in {}", file.display()),
            Self::Metadata => f.write_str("the metadata service"),
        }
    }
}

/// One setting.
pub(super) struct Setting {
    pub(super) field: Field,
    /// The name as written in its source.
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// `true` if it was used, or a report or warning covers it.
    accounted_for: Cell<bool>,
}

impl Setting {
    pub(super) fn new(field: Field, name: impl Into<String>, value: Zeroizing<String>) -> Self {
        Self {
            field,
            name: name.into(),
            value,
            accounted_for: Cell::new(false),
        }
    }

    pub(super) fn account_for(&self) {
        self.accounted_for.set(true);
    }

    pub(super) fn is_accounted_for(&self) -> bool {
        self.accounted_for.get()
    }

    /// Returns its name, and its value if that may be shown.
    pub(super) fn shown(&self) -> String {
        if self.field.is_secret() {
            self.name.clone()
        } else {
            format!("{}={}", self.name, self.value.as_str())
        }
    }
}

/// The settings of one source. If several set one field, the first takes precedence; an empty one
/// counts as missing.
pub(super) struct Layer {
    pub(super) source: CredentialSource,
    pub(super) settings: Vec<Setting>,
    /// Warnings about the source, if it is used.
    pub(super) warnings: Vec<String>,
}

impl Layer {
    pub(super) fn new(source: CredentialSource) -> Self {
        Self {
            source,
            settings: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Collects the settings that a source has under these names; an empty one counts as missing.
    pub(super) fn collect(
        source: CredentialSource,
        names: Names,
        value: impl Fn(&str) -> Option<Zeroizing<String>>,
    ) -> Self {
        let mut layer = Self::new(source);
        for (field, names) in names {
            for name in *names {
                if let Some(value) = value(name).filter(|value| !value.is_empty()) {
                    layer.settings.push(Setting::new(*field, *name, value));
                }
            }
        }
        layer
    }

    /// Returns the setting of the field that takes precedence.
    pub(super) fn setting(&self, field: Field) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.field == field)
    }

    /// Returns the value of a field without using it.
    pub(super) fn peek(&self, field: Field) -> Option<&str> {
        self.setting(field).map(|setting| setting.value.as_str())
    }

    /// Returns the value of a field and marks it as used.
    pub(super) fn take(&self, field: Field) -> Option<&str> {
        let setting = self.setting(field)?;
        setting.account_for();
        Some(setting.value.as_str())
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.setting(field).is_some()
    }

    /// Returns the origin of a value, for people.
    pub(super) fn origin(&self, field: Field) -> String {
        let name = self.setting(field).map_or("", |setting| &setting.name);
        self.origin_of(name)
    }

    pub(super) fn origin_of(&self, name: &str) -> String {
        match &self.source {
            source if source.is_file() => format!("{name} of {source}"),
            _ => name.to_owned(),
        }
    }

    /// Returns the settings of these aspects that are not accounted for.
    pub(super) fn unaccounted(&self, aspects: &[Aspect]) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(move |setting| {
            !setting.is_accounted_for() && aspects.contains(&setting.field.aspect())
        })
    }

    /// Returns whether the layer names an account or the secret of one.
    pub(super) fn names_an_account(&self) -> bool {
        self.settings.iter().any(|setting| {
            matches!(
                setting.field,
                Field::Token
                    | Field::AccessKey
                    | Field::SecretKey
                    | Field::UserName
                    | Field::UserId
                    | Field::Password
                    | Field::Passcode
                    | Field::Unsupported
            )
        })
    }
}
