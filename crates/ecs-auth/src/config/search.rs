//! The search for the first source that has credentials.

use super::clouds::{BuiltIn, Cloud, Clouds};
use super::fields::{Field as F, HUAWEI, TERRAFORM};
use super::layer::{CredentialSource, Family, Layer};
use super::method::{self, AuthMethod};
use super::{CredentialOptions, Skipped, conflict, files, malformed, missing_source};
use crate::environment::{Environment, KOOCLI_FILE};
use crate::{AuthError, AuthReason};

mod given;
mod other_sources;

use given::{check_options, of_openstack_variables, of_options, of_variables};
use other_sources::{contradiction, incomplete_login, unused_clouds, unused_profiles};

/// The layers, and the one with the credentials.
pub(super) struct Found {
    /// The options, the three families of variables, and the files that were read.
    pub(super) layers: Vec<Layer>,
    /// The layer of the credentials; `None` for the metadata service.
    pub(super) chosen: Option<usize>,
    pub(super) method: Option<AuthMethod>,
    pub(super) skipped: Vec<Skipped>,
    /// `true` if the source was requested by name, and so is an account of its own.
    pub(super) named: bool,
    /// `true` if an option named it.
    pub(super) explicit: bool,
    /// The vendor of the cloud.
    pub(super) vendor: Option<&'static BuiltIn>,
    /// Accounts that are described and not used, as messages.
    pub(super) unused: Vec<String>,
}

/// Positions of the layers that always exist.
pub(super) const OPTION: usize = 0;
pub(super) const HUAWEI_ENV: usize = 1;
pub(super) const OPENSTACK_ENV: usize = 2;
pub(super) const TERRAFORM_ENV: usize = 3;

impl Found {
    fn new(options: &CredentialOptions, environment: &Environment) -> Self {
        Self {
            layers: vec![
                of_options(options),
                of_variables(environment, CredentialSource::HuaweiEnvironment, HUAWEI),
                of_openstack_variables(environment),
                of_variables(
                    environment,
                    CredentialSource::TerraformEnvironment,
                    TERRAFORM,
                ),
            ],
            chosen: None,
            method: None,
            skipped: Vec::new(),
            named: false,
            explicit: false,
            vendor: None,
            unused: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> CredentialSource {
        let layer = self.chosen.and_then(|at| self.layers.get(at));
        layer.map_or(CredentialSource::Metadata, |layer| layer.source.clone())
    }

    pub(super) fn family(&self) -> Family {
        self.source().family()
    }

    pub(super) fn layer(&self) -> Option<&Layer> {
        self.layers.get(self.chosen?)
    }

    fn skip(&mut self, source: impl ToString, reason: impl Into<String>) {
        self.skipped.push(Skipped {
            source: source.to_string(),
            reason: reason.into(),
        });
    }

    /// Chooses the layer at this position, if it has credentials.
    fn take(&mut self, at: usize) -> Result<bool, AuthError> {
        let layer = self.layers.get(at);
        let method = layer.map(method::of_layer).transpose()?.flatten();
        if method.is_some() {
            self.method = method;
            self.chosen = Some(at);
        }
        Ok(self.chosen.is_some())
    }

    /// Chooses a layer that must have credentials.
    fn take_only(&mut self, layer: Layer) -> Result<(), AuthError> {
        self.layers.push(layer);
        let at = self.layers.len() - 1;
        if self.take(at)? {
            return Ok(());
        }
        Err(self
            .layers
            .get(at)
            .map_or_else(|| malformed("there is no login"), method::none_in))
    }

    fn take_cloud(&mut self, cloud: Cloud) -> Result<(), AuthError> {
        self.vendor = cloud.vendor;
        self.take_only(cloud.layer)
    }
}

pub(super) fn search(
    options: &CredentialOptions,
    environment: &Environment,
) -> Result<Found, AuthError> {
    check_options(options)?;
    let mut found = Found::new(options, environment);
    if found.take(OPTION)? {
        if options.cloud.is_some() || options.profile.is_some() {
            return Err(conflict(
                "a cloud or a profile is given, and a token or keys, too: give one of them"
                    .to_owned(),
                ["cloud", "profile", "token", "access key"],
            ));
        }
        found.explicit = true;
        return Ok(found);
    }
    found.skip(
        CredentialSource::Options,
        "neither a token nor an access key is given",
    );
    if by_name(options, environment, &mut found)? {
        return Ok(found);
    }
    if by_variables(options, environment, &mut found)? {
        unused_clouds(options, environment, &mut found);
    } else {
        by_files(options, environment, &mut found)?;
    }
    unused_profiles(environment, &mut found);
    Ok(found)
}

/// Chooses the cloud or profile that an option names, and no other source.
fn by_name(
    options: &CredentialOptions,
    environment: &Environment,
    found: &mut Found,
) -> Result<bool, AuthError> {
    (found.named, found.explicit) = (true, true);
    match (&options.cloud, &options.profile) {
        (Some(_), Some(_)) => {
            return Err(conflict(
                "a cloud and a profile are given: give one of them".to_owned(),
                ["cloud", "profile"],
            ));
        }
        (Some(name), None) => found.take_cloud(cloud(options, environment, name)?)?,
        (None, Some(name)) => match files::profile(environment, Some(name))? {
            Ok(layer) => found.take_only(layer)?,
            Err(reason) => {
                let message = format!("profile {name}: {reason}");
                return Err(missing_source(name, Vec::new(), message));
            }
        },
        (None, None) => (found.named, found.explicit) = (false, false),
    }
    Ok(found.named)
}

/// Chooses credentials of the environment.
fn by_variables(
    options: &CredentialOptions,
    environment: &Environment,
    found: &mut Found,
) -> Result<bool, AuthError> {
    if found.take(HUAWEI_ENV)? {
        return Ok(true);
    }
    found.skip(
        CredentialSource::HuaweiEnvironment,
        "HUAWEICLOUD_SDK_AK is not set",
    );
    if let Some(name) = environment.variable("OS_CLOUD") {
        let of_variables = environment
            .variable("OS_CLOUD_NAME")
            .map_or("envvars", |name| name.as_str());
        let described = Clouds::load(environment)?;
        let described = described.is_some_and(|clouds| clouds.names().contains(&name.as_str()));
        if name.as_str() != of_variables || described {
            found.named = true;
            found.take_cloud(cloud(options, environment, name)?)?;
            return Ok(true);
        }
    }
    if found.take(OPENSTACK_ENV)? {
        return Ok(true);
    }
    found.skip(
        CredentialSource::OpenStackEnvironment,
        "none of OS_TOKEN, OS_ACCESS_KEY, OS_USERNAME and OS_CLOUD is set",
    );
    if found.take(TERRAFORM_ENV)? {
        return Ok(true);
    }
    let profile = environment.variable("HW_PROFILE");
    if profile.is_some() || environment.variable(KOOCLI_FILE).is_some() {
        let name = profile.map(|name| name.as_str());
        found.named = true;
        match files::koocli(environment, name)? {
            Ok(layer) => found.take_only(layer)?,
            Err(reason) => {
                let message = format!("HW_SHARED_CONFIG_FILE or HW_PROFILE is set, and {reason}");
                return Err(missing_source(
                    name.unwrap_or("default"),
                    Vec::new(),
                    message,
                ));
            }
        }
        return Ok(true);
    }
    Ok(false)
}

/// Chooses credentials of unnamed files, or the metadata service.
fn by_files(
    options: &CredentialOptions,
    environment: &Environment,
    found: &mut Found,
) -> Result<(), AuthError> {
    match Clouds::load(environment)? {
        None => {
            incomplete_login(found)?;
            found.skip("clouds.yaml", "there is none");
        }
        Some(clouds) => match clouds.names()[..] {
            [] => {
                incomplete_login(found)?;
                if let Some(hidden) = &clouds.hidden {
                    let message = format!(
                        "{} describes no cloud, and hides {}, as in openstacksdk: remove it, or name the cloud with OS_CLOUD and \
                         the file with OS_CLIENT_CONFIG_FILE",
                        clouds.path.display(),
                        hidden.display()
                    );
                    return Err(missing_source("", Vec::new(), message));
                }
                found.skip(clouds.path.display(), "it describes no cloud");
            }
            [only] => {
                let only = clouds.cloud(only, options.region.as_deref())?;
                found.take_cloud(only)?;
                return contradiction(found);
            }
            ref several => {
                incomplete_login(found)?;
                let names = several.join(", ");
                let path = clouds.path.display();
                found.unused.push(format!(
                    "{path} describes several clouds ({names}), and none of them is used: OS_CLOUD says which is meant"
                ));
                let reason =
                    format!("it describes several clouds: say which with OS_CLOUD ({names})");
                found.skip(path, reason);
            }
        },
    }
    match files::profile(environment, None)? {
        Ok(layer) if layer.names_an_account() => return found.take_only(layer),
        Ok(layer) => {
            found.skip(&layer.source, "it has no ak and sk");
            found.layers.push(layer);
        }
        Err(reason) => {
            if reason.contains(", only: ") {
                found.unused.push(format!("{reason}: none of them is used"));
            }
            found.skip("profile basic", reason);
        }
    }
    match files::koocli(environment, None)? {
        Ok(layer) => return found.take_only(layer),
        Err(reason) => found.skip("KooCLI", reason),
    }
    let pod = found
        .layers
        .get(HUAWEI_ENV)
        .and_then(|layer| layer.setting(F::PodIdentity));
    if let Some(setting) = pod {
        return Err(AuthError::malformed(
            format!(
                "{} names the identity of a pod, which is not supported; no other account is used in its place",
                setting.name
            ),
            AuthReason::UnsupportedLogin {
                kind: "pod identity".to_owned(),
                setting: setting.name.clone(),
            },
        ));
    }
    Ok(())
}

fn cloud(
    options: &CredentialOptions,
    environment: &Environment,
    name: &str,
) -> Result<Cloud, AuthError> {
    match Clouds::load(environment)? {
        Some(clouds) => clouds.cloud(name, options.region.as_deref()),
        None => Err(missing_source(
            name,
            Vec::new(),
            format!("cloud {name} is requested, but there is no clouds.yaml"),
        )),
    }
}
