//! The settings of one source, each with its name and with what became of it.

use std::cell::Cell;
use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::fields::{Aspect, Field, Names};

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// What the caller gave.
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

/// Sources of one family are of the same tools: their settings belong together.
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

    /// Returns whether it is a file.
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
    /// As it is written in its source.
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// Whether it was used, or something was said of it.
    settled: Cell<bool>,
}

impl Setting {
    pub(super) fn new(field: Field, name: impl Into<String>, value: Zeroizing<String>) -> Self {
        Self {
            field,
            name: name.into(),
            value,
            settled: Cell::new(false),
        }
    }

    pub(super) fn settle(&self) {
        self.settled.set(true);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.get()
    }

    /// Returns its name, and its value where that can be shown.
    pub(super) fn shown(&self) -> String {
        if self.field.is_secret() {
            self.name.clone()
        } else {
            format!("{}={}", self.name, self.value.as_str())
        }
    }
}

/// The settings of one source. Of several for one field the first counts; all of them are empty or not at all there.
pub(super) struct Layer {
    pub(super) source: CredentialSource,
    pub(super) settings: Vec<Setting>,
    /// What should be said of the source, where it is used.
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

    /// Returns the settings that a source has under these names; empty is as good as missing.
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

    /// Returns the setting that counts for the field.
    pub(super) fn setting(&self, field: Field) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.field == field)
    }

    /// Returns its value. It is not used by that.
    pub(super) fn peek(&self, field: Field) -> Option<&str> {
        self.setting(field).map(|setting| setting.value.as_str())
    }

    /// Returns its value, which is used.
    pub(super) fn take(&self, field: Field) -> Option<&str> {
        let setting = self.setting(field)?;
        setting.settle();
        Some(setting.value.as_str())
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.setting(field).is_some()
    }

    /// Returns where a value stands, for people.
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

    /// Returns the settings of an aspect that nothing was done with.
    pub(super) fn unsettled(&self, aspects: &[Aspect]) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(move |setting| {
            !setting.is_settled() && aspects.contains(&setting.field.aspect())
        })
    }

    /// Returns whether it names an account or the secret of one.
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
                    | Field::Unspoken
            )
        })
    }
}
