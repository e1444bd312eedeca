//! The layers of options and variables.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::config::fields::{Names, OPENSTACK};
use crate::config::layer::{CredentialSource, Layer, Setting};
use crate::config::{CredentialOptions, OPTIONS, variable_of};
use crate::environment::Environment;
use crate::{AuthError, AuthReason};

/// Refuses empty options, such as from an unset shell variable. They must not count as missing: the
/// next source could be another account's.
pub(super) fn check_options(options: &CredentialOptions) -> Result<(), AuthError> {
    let secret = |text: &Option<SecretString>| {
        let text = text.as_ref();
        text.is_some_and(|text| text.expose_secret().is_empty())
    };
    let empty = [
        ("token", secret(&options.token)),
        ("access key", options.access_key.as_deref() == Some("")),
        ("secret key", secret(&options.secret_key)),
        ("security token", secret(&options.security_token)),
        ("cloud", options.cloud.as_deref() == Some("")),
        ("profile", options.profile.as_deref() == Some("")),
        ("region", options.region.as_deref() == Some("")),
        ("project", options.project_id.as_deref() == Some("")),
    ];
    match empty.iter().find(|(_, empty)| *empty) {
        Some((name, _)) => Err(AuthError::malformed(
            format!("the {name} is empty"),
            AuthReason::Empty {
                setting: (*name).to_owned(),
            },
        )),
        None => Ok(()),
    }
}

pub(super) fn of_options(options: &CredentialOptions) -> Layer {
    let open = |text: &Option<String>| text.clone().map(Zeroizing::new);
    let secret = |text: &Option<SecretString>| {
        let text = text.as_ref()?;
        Some(Zeroizing::new(text.expose_secret().to_owned()))
    };
    Layer::collect(CredentialSource::Options, OPTIONS, |name| match name {
        "token" => secret(&options.token),
        "access key" => open(&options.access_key),
        "secret key" => secret(&options.secret_key),
        "security token" => secret(&options.security_token),
        _ => None,
    })
}

pub(super) fn of_variables(
    environment: &Environment,
    source: CredentialSource,
    names: Names,
) -> Layer {
    Layer::collect(source, names, |name| environment.variable(name).cloned())
}

/// Returns the layer of `OS_*`, which has the keys of a cloud; `OS_CLOUD` is not one of them.
pub(super) fn of_openstack_variables(environment: &Environment) -> Layer {
    let mut layer = Layer::new(CredentialSource::OpenStackEnvironment);
    for (field, keys) in OPENSTACK {
        for key in keys.iter().filter(|key| **key != "cloud") {
            let name = variable_of(key);
            if let Some(value) = environment.variable(&name) {
                layer
                    .settings
                    .push(Setting::new(*field, name, value.clone()));
            }
        }
    }
    layer
}
