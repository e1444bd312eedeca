//! The search for the first source that has credentials.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::clouds::{Clouds, open_to_others, unreadable};
use super::fields::{FLAGS, Fields, HUAWEI, Names, OPENSTACK, PROFILE, Proof};
use super::surroundings::PROFILE_FILE;
use super::{Flags, Skipped, Surroundings, malformed, profile};
use crate::AuthError;

/// The section of `~/.huaweicloud/credentials` that is used where none is named.
const DEFAULT_PROFILE: &str = "basic";

/// The first source that has credentials.
pub(super) struct Found {
    pub(super) source: String,
    pub(super) fields: Fields,
    pub(super) proof: Option<Proof>,
    pub(super) warnings: Vec<String>,
    /// Whether it was asked for by name, and so is an account of its own.
    pub(super) named: bool,
}

pub(super) fn search(
    flags: &Flags,
    surroundings: &Surroundings,
    skipped: &mut Vec<Skipped>,
) -> Result<Found, AuthError> {
    let mut skip = |source: &str, why: &str| {
        skipped.push(Skipped {
            source: source.to_owned(),
            why: why.to_owned(),
        });
    };
    check_not_empty(flags)?;
    let fields = of_flags(flags);
    let line = "the command line";
    if flags.token.is_some()
        && (flags.access_key.is_some()
            || flags.secret_key.is_some()
            || flags.security_token.is_some())
    {
        return Err(malformed("a token and keys are given: give one of them"));
    }
    if let Some(proof) = fields.proof()? {
        if flags.cloud.is_some() || flags.profile.is_some() {
            return Err(malformed(
                "a cloud or a profile is given, and a token or keys, too: give one of them",
            ));
        }
        return Ok(found(line, fields, proof));
    }
    if fields.holds_anything() {
        return Err(malformed(
            "--security-token is given without the keys that it belongs to: give --access-key and --secret-key, too",
        ));
    }
    skip(line, "neither a token nor an access key is given");

    match (&flags.cloud, &flags.profile) {
        (Some(_), Some(_)) => {
            return Err(malformed(
                "a cloud and a profile are given: give one of them",
            ));
        }
        (Some(name), None) => return cloud(surroundings, name),
        (None, Some(name)) => match profile_named(surroundings, name)? {
            Ok(found) => {
                return Ok(Found {
                    named: true,
                    ..found
                });
            }
            Err(why) => return Err(malformed(&format!("profile {name}: {why}"))),
        },
        (None, None) => {}
    }

    let source = "the environment (HUAWEICLOUD_SDK_*)";
    let fields = environment(surroundings, HUAWEI);
    if let Some(proof) = fields.proof()? {
        return Ok(found(source, fields, proof));
    }
    skip(source, "HUAWEICLOUD_SDK_AK is not set");

    if let Some(name) = surroundings.variable("OS_CLOUD") {
        return cloud(surroundings, name);
    }
    let source = "the environment (OS_*)";
    let fields = environment(surroundings, OPENSTACK);
    if let Some(proof) = fields.proof()? {
        return Ok(found(source, fields, proof));
    }
    let why = "none of OS_TOKEN, OS_ACCESS_KEY, OS_USERNAME and OS_CLOUD is set";
    skip(source, why);

    match Clouds::load(surroundings)? {
        None => skip("clouds.yaml", "there is none"),
        Some(clouds) => match &clouds.names()[..] {
            [] => skip("clouds.yaml", "it describes no cloud"),
            [only] => return of_cloud(&clouds, only),
            several => {
                let names = several.join(", ");
                let why = format!("it describes several clouds: say which with OS_CLOUD ({names})");
                skip("clouds.yaml", &why);
            }
        },
    }
    match profile_named(surroundings, DEFAULT_PROFILE)? {
        Ok(found) => return Ok(found),
        Err(why) => skip(&format!("profile {DEFAULT_PROFILE}"), &why),
    }
    Ok(Found {
        source: "the metadata service".to_owned(),
        fields: Fields::default(),
        proof: None,
        warnings: Vec::new(),
        named: false,
    })
}

fn found(source: &str, fields: Fields, proof: Proof) -> Found {
    Found {
        source: source.to_owned(),
        fields,
        proof: Some(proof),
        warnings: Vec::new(),
        named: false,
    }
}

/// What is given and empty, such as a variable of the shell that is not set, must not be taken for one that is not given: the
/// next source could be somebody else's.
fn check_not_empty(flags: &Flags) -> Result<(), AuthError> {
    let secret = |text: &Option<SecretString>| {
        let text = text.as_ref();
        text.is_some_and(|text| text.expose_secret().is_empty())
    };
    let empty = [
        ("--token", secret(&flags.token)),
        ("--access-key", flags.access_key.as_deref() == Some("")),
        ("--secret-key", secret(&flags.secret_key)),
        ("--security-token", secret(&flags.security_token)),
    ];
    match empty.iter().find(|(_, empty)| *empty) {
        Some((name, _)) => Err(malformed(&format!("{name} is empty"))),
        None => Ok(()),
    }
}

fn of_flags(flags: &Flags) -> Fields {
    let open = |text: &Option<String>| text.clone().map(Zeroizing::new);
    let secret = |text: &Option<SecretString>| {
        let text = text.as_ref()?;
        Some(Zeroizing::new(text.expose_secret().to_owned()))
    };
    Fields::collect(FLAGS, |name| match name {
        "--token" => secret(&flags.token),
        "--access-key" => open(&flags.access_key),
        "--secret-key" => secret(&flags.secret_key),
        "--security-token" => secret(&flags.security_token),
        _ => None,
    })
}

pub(super) fn environment(surroundings: &Surroundings, names: Names) -> Fields {
    Fields::collect(names, |name| surroundings.variable(name).cloned())
}

/// A cloud that was asked for by name.
fn cloud(surroundings: &Surroundings, name: &str) -> Result<Found, AuthError> {
    match Clouds::load(surroundings)? {
        Some(clouds) => Ok(Found {
            named: true,
            ..of_cloud(&clouds, name)?
        }),
        None => Err(malformed(&format!(
            "cloud {name} is asked for, but there is no clouds.yaml"
        ))),
    }
}

fn of_cloud(clouds: &Clouds, name: &str) -> Result<Found, AuthError> {
    let path = clouds.path.display();
    let Some(fields) = clouds.cloud(name) else {
        let others = clouds.names().join(", ");
        return Err(malformed(&format!(
            "{path} has no cloud {name}, only: {others}"
        )));
    };
    let source = format!("cloud {name} in {path}");
    let proof = fields.proof().map_err(|error| in_source(&source, &error))?;
    let proof = proof.ok_or_else(|| {
        malformed(&format!(
            "{source} has no credentials: it needs ak and sk, a token, or username and password"
        ))
    })?;
    Ok(Found {
        warnings: clouds.warnings.clone(),
        ..found(&source, fields, proof)
    })
}

/// The profile, or why it is not there.
fn profile_named(
    surroundings: &Surroundings,
    name: &str,
) -> Result<Result<Found, String>, AuthError> {
    let Some(path) = surroundings.profile_file() else {
        return Ok(Err("there is no home directory".to_owned()));
    };
    let Some(file) = surroundings.file(&path) else {
        surroundings.missing(PROFILE_FILE)?;
        return Ok(Err(format!("there is no {}", path.display())));
    };
    let text = file.text.as_ref();
    let text = text.map_err(|problem| unreadable(&path, problem))?;
    let profiles = profile::parse(text).map_err(|problem| unreadable(&path, &problem))?;
    let Some(values) = profiles.get(name) else {
        return Ok(Err(format!("{} has no [{name}]", path.display())));
    };
    let fields = Fields::collect(PROFILE, |name| values.get(name).cloned());
    let source = format!("profile {name} in {}", path.display());
    let proof = fields.proof().map_err(|error| in_source(&source, &error))?;
    let Some(proof) = proof else {
        return Ok(Err(format!(
            "{} has no ak and sk in [{name}]",
            path.display()
        )));
    };
    Ok(Ok(Found {
        warnings: open_to_others(file, &path).into_iter().collect(),
        ..found(&source, fields, proof)
    }))
}

fn in_source(source: &str, error: &AuthError) -> AuthError {
    AuthError::new(error.kind(), format!("{source}: {error}"))
}
