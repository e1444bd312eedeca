//! The choice of credentials, and of the project, region and addresses that they are for, out of options, variables and files.
//!
//! Each source is a layer of settings. A source is chosen (`search`), each field is resolved over the layers in its own
//! function (`resolve`), and at the end every setting that names an account, a project, a region or an address was used, was overridden by
//! an option, or stands in a warning (`audit`).

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::environment::Environment;
use crate::{AddressGap, AuthError, AuthErrorKind, AuthReason, Operator, Reference, Sourced};

mod audit;
mod clouds;
mod connect;
mod fields;
mod files;
mod given_token;
mod ini;
mod layer;
mod method;
mod open;
mod resolve;
mod search;
mod tls;
mod transports;
mod yaml;

use fields::{Field, Names};
pub use layer::CredentialSource;
use method::{Agency, AuthMethod};
pub use open::ReadyCredentials;
pub use tls::TlsSettings;
pub use transports::Transports;

/// Settings that the caller gives, for example from a command line. They take precedence over everything that is found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CredentialOptions {
    /// A token.
    pub token: Option<SecretString>,
    /// An access key; needs the secret key.
    pub access_key: Option<String>,
    /// A secret key; needs the access key.
    pub secret_key: Option<SecretString>,
    /// The security token of a temporary pair of keys.
    pub security_token: Option<SecretString>,
    /// The cloud of `clouds.yaml` to use, and nothing else.
    pub cloud: Option<String>,
    /// The section of `~/.huaweicloud/credentials` to use, and nothing else.
    pub profile: Option<String>,
    /// The operator, by its id such as `otc`: needed where several have the region.
    pub operator: Option<String>,
    /// The region, for example `eu-de`.
    pub region: Option<String>,
    /// The id of the project.
    pub project_id: Option<String>,
    /// The address of ECS.
    pub endpoint: Option<String>,
    /// The address of IAM.
    pub iam_endpoint: Option<String>,
    /// The address of the metadata service, for tests; otherwise it is the same on every server.
    pub metadata_endpoint: Option<String>,
}

/// The names of the options, for errors: a command line maps them to its own.
const OPTIONS: Names = &[
    (Field::Token, &["token"]),
    (Field::AccessKey, &["access key"]),
    (Field::SecretKey, &["secret key"]),
    (Field::SecurityToken, &["security token"]),
];

/// The kind of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A token that is there already.
    Token,
    /// A permanent pair of keys.
    AccessKey,
    /// A pair of keys with a security token.
    TemporaryKey,
    /// A login with a password or a passcode, for tokens.
    Password,
    /// Temporary keys of the server that this process runs on.
    ServerKeys,
}

impl CredentialKind {
    /// Returns the name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AccessKey => "access key",
            Self::TemporaryKey => "temporary access key",
            Self::Password => "password",
            Self::ServerKeys => "temporary access key of this server",
        }
    }
}

/// A source or a setting that was read and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The source, or the setting.
    pub source: String,
    /// Why it was not used.
    pub why: String,
}

/// The classes of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// Settings that name an account, a region or an address are not used.
    Unused,
    /// A setting that names a project is not used.
    UnusedProject,
    /// A setting of another tool than that of the credentials is used.
    Borrowed,
    /// A file has something in it that other tools read otherwise, or others can read it.
    File,
    /// An address follows from the region alone.
    Derived,
}

/// Something that the user should know, although there are credentials. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The class.
    pub kind: WarningKind,
    /// What it is, to what, and what is used instead.
    pub message: String,
}

/// Where to go and as whom, as far as that can be known without asking anybody. Holds secrets; `Debug` masks them.
///
/// ```
/// use ecs_auth::{CredentialConfig, CredentialOptions, Environment};
///
/// let environment = Environment::default()
///     .with_variable("OS_ACCESS_KEY", "QTWAOYTTINDUT2QVKYUC")
///     .with_variable("OS_SECRET_KEY", "MFyfvK41")
///     .with_variable("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3");
/// let config = CredentialConfig::new(&CredentialOptions::default(), &environment)?;
/// assert_eq!(config.source().to_string(), "the environment (OS_*)");
/// assert_eq!(config.region(), Some("eu-de"));
/// assert_eq!(config.endpoint(), Some("https://ecs.eu-de.otc.t-systems.com"));
/// assert!(config.warnings().is_empty());
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Debug)]
pub struct CredentialConfig {
    source: CredentialSource,
    skipped: Vec<Skipped>,
    warnings: Vec<Warning>,
    /// `None`: the metadata service.
    method: Option<AuthMethod>,
    account: resolve::Account,
    agency: Option<Agency>,
    operator: Option<(Operator, String)>,
    region: Option<Sourced>,
    project: Option<resolve::Project>,
    project_domain: Option<Reference>,
    iam: Option<Sourced>,
    endpoint: Option<Sourced>,
    gap: Option<AddressGap>,
    iam_gap: Option<AddressGap>,
    /// Addresses of ECS that are set for single regions.
    addresses: files::RegionAddresses,
    metadata: Option<String>,
    tls: TlsSettings,
}

/// The names of the clouds of `clouds.yaml`, for completions: none where it cannot be read.
///
/// ```
/// let names = ecs_auth::cloud_names(&ecs_auth::Environment::of_process());
/// println!("{}", names.join(" "));
/// ```
pub fn cloud_names(environment: &Environment) -> Vec<String> {
    let clouds = clouds::Clouds::load(environment).ok().flatten();
    clouds.map_or_else(Vec::new, |clouds| {
        clouds.names().into_iter().map(str::to_owned).collect()
    })
}

/// The names of the sections of `~/.huaweicloud/credentials`, for completions: none where it cannot be read.
pub fn profile_names(environment: &Environment) -> Vec<String> {
    files::profile_names(environment)
}

impl CredentialConfig {
    /// Chooses the first of these that has credentials: the options; `HUAWEICLOUD_SDK_*`; the cloud that `OS_CLOUD` names;
    /// `OS_*`; `HW_*`; the only cloud of `clouds.yaml`; the profile `basic`; the current profile of KooCLI; the metadata
    /// service. With the option for a cloud or a profile it is that or nothing.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`], with an [`AuthError::reason`]: a source has half of what it needs, cannot be read, or names a
    /// login that is not supported. It is not skipped, for the next one could be another account's.
    pub fn new(options: &CredentialOptions, environment: &Environment) -> Result<Self, AuthError> {
        let mut found = search::search(options, environment)?;
        let method = found.method.take();
        resolve::resolve(options, environment, &found, method)
    }

    /// Returns where the credentials come from.
    pub fn source(&self) -> &CredentialSource {
        &self.source
    }

    /// Returns the sources that were tried before, and the settings that an option takes precedence
    /// over.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What was given and is not used, or is used otherwise than another tool uses it.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the operator, if the addresses or the region tell it.
    pub fn operator(&self) -> Option<Operator> {
        self.operator.as_ref().map(|(operator, _)| *operator)
    }

    /// Returns the region, if that is known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_ref().map(|region| region.value.as_str())
    }

    /// Returns the project, if one is named. Otherwise it is that of the region.
    pub fn project(&self) -> Option<&Reference> {
        self.project.as_ref().map(|project| &project.reference)
    }

    /// Returns the address of ECS, if that is known.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|setting| setting.value.as_str())
    }

    /// Returns why the address of ECS is not known, where it is not.
    pub fn endpoint_gap(&self) -> Option<&AddressGap> {
        self.gap.as_ref().filter(|_| self.endpoint.is_none())
    }

    /// Returns the address of IAM, if that is known.
    pub fn iam_endpoint(&self) -> Option<&str> {
        self.iam.as_ref().map(|setting| setting.value.as_str())
    }

    /// Whom to trust, by the settings of the source.
    pub fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// Returns the kind of the credentials.
    pub fn kind(&self) -> CredentialKind {
        match &self.method {
            None => CredentialKind::ServerKeys,
            Some(AuthMethod::Token(_) | AuthMethod::Exchange(_)) => CredentialKind::Token,
            Some(AuthMethod::Key(key)) if key.is_temporary() => CredentialKind::TemporaryKey,
            Some(AuthMethod::Key(_)) => CredentialKind::AccessKey,
            Some(AuthMethod::Login(_)) => CredentialKind::Password,
        }
    }

    /// Returns the user who logs in, by name or id.
    pub fn user(&self) -> Option<&str> {
        self.account.user.as_deref()
    }

    /// Returns the domain of the account, by name or id, as the settings have it.
    pub fn domain(&self) -> Option<&str> {
        self.account.domain.as_deref()
    }

    /// Returns the agency whose rights are borrowed, if any.
    pub fn agency(&self) -> Option<&str> {
        self.agency.as_ref().map(|agency| agency.name.as_str())
    }

    /// Returns whether IAM is asked: for tokens, for the id of the project, or whose a token is.
    pub fn asks_iam(&self) -> bool {
        match self.method {
            Some(AuthMethod::Login(_) | AuthMethod::Exchange(_)) => true,
            Some(AuthMethod::Token(_)) if self.iam.is_some() => true,
            _ => self.agency.is_some() || !matches!(self.project(), Some(Reference::Id(_))),
        }
    }

    /// Returns the access key, if it is one that requests are signed with: a name, not a secret.
    pub fn access_key(&self) -> Option<&str> {
        match &self.method {
            Some(AuthMethod::Key(key)) => Some(key.id()),
            _ => None,
        }
    }
}

/// Returns the variable of an OpenStack setting.
fn variable_of(key: &str) -> String {
    format!("OS_{}", key.to_uppercase())
}

fn malformed(message: impl Into<String>) -> AuthError {
    AuthError::new(AuthErrorKind::Malformed, message)
}

fn conflict<S: Into<String>>(message: String, settings: impl IntoIterator<Item = S>) -> AuthError {
    let settings = settings.into_iter().map(Into::into).collect();
    AuthError::malformed(message, AuthReason::Conflict { settings })
}

fn missing_source(name: &str, present: Vec<String>, message: String) -> AuthError {
    let name = name.to_owned();
    AuthError::malformed(message, AuthReason::SourceMissing { name, present })
}

fn unreadable(path: &Path, message: String) -> AuthError {
    let path = path.display().to_string();
    AuthError::malformed(message, AuthReason::Unreadable { path })
}

/// A file that a variable names has to be there: another one could be another account's.
fn check_named_file(environment: &Environment, variable: &str) -> Result<(), AuthError> {
    match environment.named_file(variable) {
        Some((path, true)) => {
            let shown = path.display();
            let message =
                format!("{shown} cannot be read: there is no such file, and {variable} names it");
            Err(unreadable(&path, message))
        }
        _ => Ok(()),
    }
}

/// Returns an address that can be shown, with a scheme.
fn checked_address(service: &str, address: &str) -> Result<String, AuthError> {
    if address.contains('@') {
        // Not repeated: it may be a password.
        return Err(malformed(format!(
            "a user or password is not allowed in the address of {service}: it looks like https://host"
        )));
    }
    let address = address.trim();
    Ok(if address.contains("://") {
        address.to_owned()
    } else {
        format!("https://{address}")
    })
}

/// Returns the path of a file in a setting.
fn path_of(environment: &Environment, path: &str) -> PathBuf {
    environment.expand(Path::new(path))
}

#[cfg(test)]
mod tests;
