//! The choice of credentials, project, region and addresses from options, variables and files.
//!
//! Each source is a layer of settings. A source is chosen (`search`), and each field is resolved
//! over the layers in its own function (`resolve`). At the end every setting that names an account,
//! a project, a region or an address was used, was overridden by an option, or is in a warning
//! (`audit`).

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

/// Settings of the caller, for example from a command line. They take precedence over everything
/// that is found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CredentialOptions {
    /// A token.
    pub token: Option<SecretString>,
    /// An access key; requires the secret key.
    pub access_key: Option<String>,
    /// A secret key; requires the access key.
    pub secret_key: Option<SecretString>,
    /// The security token of a temporary pair of keys.
    pub security_token: Option<SecretString>,
    /// The cloud of `clouds.yaml`, which is then the only source.
    pub cloud: Option<String>,
    /// The section of `~/.huaweicloud/credentials`, which is then the only source.
    pub profile: Option<String>,
    /// The operator, by its id such as `otc`. Required if several operators have the region.
    pub operator: Option<String>,
    /// The region, for example `eu-de`.
    pub region: Option<String>,
    /// The id of the project.
    pub project_id: Option<String>,
    /// The address of ECS.
    pub endpoint: Option<String>,
    /// The address of IAM.
    pub iam_endpoint: Option<String>,
    /// The address of the metadata service, for tests; by default the same on every server.
    pub metadata_endpoint: Option<String>,
}

/// The names of the options in errors. A command line maps them to its own.
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
    /// A given token.
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
    /// The reason why it was not used.
    pub reason: String,
}

/// The classes of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// Settings that name an account, a region or an address are not used.
    Unused,
    /// A setting that names a project is not used.
    UnusedProject,
    /// A setting of another tool than the credentials' own is used.
    Borrowed,
    /// A file is read differently by other tools, or is readable by other users.
    File,
    /// An address was derived from the region alone.
    Derived,
}

/// A problem of settings that yield credentials nonetheless. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The class.
    pub kind: WarningKind,
    /// The change: the affected setting, and the value that is used instead.
    pub message: String,
}

/// The chosen credentials, project and addresses, as far as they are known without requests. Holds
/// secrets; `Debug` masks them.
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
    /// `None` stands for the metadata service.
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
    /// The addresses of ECS that are set for single regions.
    addresses: files::RegionAddresses,
    metadata: Option<String>,
    tls: TlsSettings,
}

/// Returns the names of the clouds of `clouds.yaml`, for completions; none if it is unreadable.
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

/// Returns the names of the sections of `~/.huaweicloud/credentials`, for completions; none if it
/// is unreadable.
pub fn profile_names(environment: &Environment) -> Vec<String> {
    files::profile_names(environment)
}

impl CredentialConfig {
    /// Chooses the first of these sources that has credentials: the options; `HUAWEICLOUD_SDK_*`;
    /// the cloud that `OS_CLOUD` names; `OS_*`; `HW_*`; the only cloud of `clouds.yaml`; the
    /// profile `basic`; the current profile of KooCLI; the metadata service. With the option for a
    /// cloud or a profile no other source is tried.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`], with an [`AuthError::reason`]: a source is incomplete,
    /// unreadable, or names an unsupported login. It is not skipped, because the next source could
    /// be another account's.
    pub fn new(options: &CredentialOptions, environment: &Environment) -> Result<Self, AuthError> {
        let mut found = search::search(options, environment)?;
        let method = found.method.take();
        resolve::resolve(options, environment, &found, method)
    }

    /// Returns the source of the credentials.
    pub fn source(&self) -> &CredentialSource {
        &self.source
    }

    /// Returns the sources that were tried before, and the settings that are overridden by an
    /// option.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Returns warnings about settings that are not used, or that other tools use differently.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the operator, if the addresses or the region determine it.
    pub fn operator(&self) -> Option<Operator> {
        self.operator.as_ref().map(|(operator, _)| *operator)
    }

    /// Returns the region, if it is known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_ref().map(|region| region.value.as_str())
    }

    /// Returns the project, if a setting names one. Otherwise it is the region's.
    pub fn project(&self) -> Option<&Reference> {
        self.project.as_ref().map(|project| &project.reference)
    }

    /// Returns the address of ECS, if it is known.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|setting| setting.value.as_str())
    }

    /// Returns why the address of ECS is not known; `None` if it is.
    pub fn endpoint_gap(&self) -> Option<&AddressGap> {
        self.gap.as_ref().filter(|_| self.endpoint.is_none())
    }

    /// Returns the address of IAM, if it is known.
    pub fn iam_endpoint(&self) -> Option<&str> {
        self.iam.as_ref().map(|setting| setting.value.as_str())
    }

    /// Returns the trusted authorities and the client certificate of the source.
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

    /// Returns the domain of the account, by name or id, as in the settings.
    pub fn domain(&self) -> Option<&str> {
        self.account.domain.as_deref()
    }

    /// Returns the agency whose rights are used, if there is one.
    pub fn agency(&self) -> Option<&str> {
        self.agency.as_ref().map(|agency| agency.name.as_str())
    }

    /// Returns whether requests to IAM are needed: for tokens, the id of the project, or the
    /// lookup of a token.
    pub fn asks_iam(&self) -> bool {
        match self.method {
            Some(AuthMethod::Login(_) | AuthMethod::Exchange(_)) => true,
            Some(AuthMethod::Token(_)) if self.iam.is_some() => true,
            _ => self.agency.is_some() || !matches!(self.project(), Some(Reference::Id(_))),
        }
    }

    /// Returns the access key that signs requests, which is not secret; `None` for other
    /// credentials.
    pub fn access_key(&self) -> Option<&str> {
        match &self.method {
            Some(AuthMethod::Key(key)) => Some(key.id()),
            _ => None,
        }
    }
}

/// Returns the environment variable of an OpenStack setting.
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

/// Fails if a file that a variable names does not exist: another file could be another account's.
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

/// Checks that an address has a scheme and holds nothing secret.
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

/// Returns the path that a setting names.
fn path_of(environment: &Environment, path: &str) -> PathBuf {
    environment.expand(Path::new(path))
}

#[cfg(test)]
mod tests;
