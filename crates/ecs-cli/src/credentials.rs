//! Credentials, from the global options and the environment of the process.

use std::error::Error as StdError;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use ecs_ops::auth::{
    AddressGap, AuthError, AuthErrorKind, AuthReason, CredentialOptions, CredentialSource,
    Operator, Skipped, Warning, WarningKind,
};
use ecs_ops::transport::{TransportError, TransportErrorKind};
use secrecy::{ExposeSecret as _, SecretString};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{CliError, chain, check_credentials, transport_hint};

/// The variable with the address of the metadata service, if it is not the usual one.
const METADATA: &str = "ECSCTL_METADATA_ENDPOINT";

/// The longest secret in bytes. Longer input is not read completely.
const LONGEST: u64 = 64 * 1024;

/// Returns the credential options, with warnings. Reads secrets from stdin and from files.
pub(crate) fn options(global: &Global) -> Result<(CredentialOptions, Vec<String>), CliError> {
    let mut warnings = Vec::new();
    let (token, secret_key) = secrets(global, &mut warnings)?;
    let mut options = CredentialOptions::default();
    options.token = token;
    options.access_key.clone_from(&global.access_key);
    options.secret_key = secret_key;
    options.security_token = secret("--security-token", &global.security_token)?;
    options.cloud.clone_from(&global.cloud);
    options.profile.clone_from(&global.profile);
    options.region.clone_from(&global.region);
    options.operator.clone_from(&global.operator);
    options.project_id = global.project_id.as_ref().map(ToString::to_string);
    options.endpoint.clone_from(&global.endpoint);
    options.iam_endpoint.clone_from(&global.iam_endpoint);
    options.metadata_endpoint = metadata_endpoint();
    Ok((options, warnings))
}

/// Returns the address of the metadata service, if the environment names one.
pub(crate) fn metadata_endpoint() -> Option<String> {
    let address = std::env::var(METADATA).ok();
    address.filter(|address| !address.is_empty())
}

/// Reads the token and the secret key.
pub(crate) fn secrets(
    global: &Global,
    warnings: &mut Vec<String>,
) -> Result<(Option<SecretString>, Option<SecretString>), CliError> {
    if let [one, other, ..] = global.read_from_stdin()[..] {
        return Err(CliError::usage(format!(
            "{one} and {other} cannot both be read from stdin"
        )));
    }
    let secret_key = match &global.secret_key_file {
        Some(path) => Some(from_file(path, warnings)?),
        None => secret("--secret-key", &global.secret_key)?,
    };
    Ok((secret("--token", &global.token)?, secret_key))
}

/// Returns the secret as given, or reads it from stdin.
fn secret(option: &str, given: &Option<SecretString>) -> Result<Option<SecretString>, CliError> {
    let Some(given) = given else { return Ok(None) };
    let secret = match given.expose_secret() {
        "-" => first_line(option)?,
        _ => given.clone(),
    };
    if secret.expose_secret().is_empty() {
        // An empty secret is not a missing one: the next source could belong to another account.
        let name = option.trim_start_matches('-').replace('-', " ");
        return Err(CliError::usage(format!("{option}: the {name} is empty")));
    }
    Ok(Some(secret))
}

/// Reads one line of stdin.
fn first_line(option: &str) -> Result<SecretString, CliError> {
    if io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "{option}: stdin is a terminal, which would show the secret"
        ))
        .hint("let stdin come from a file or another program, for example of a keyring"));
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST).read_line(&mut line);
    // Wrapped first, so that it is overwritten in any case.
    let line = SecretString::from(line);
    match read {
        Ok(_) => Ok(line.expose_secret().trim().into()),
        Err(error) => Err(CliError::usage(format!(
            "{option}: cannot read it from stdin: {error}"
        ))),
    }
}

fn from_file(path: &Path, warnings: &mut Vec<String>) -> Result<SecretString, CliError> {
    const OPTION: &str = "--secret-key-file";
    if path == Path::new("-") {
        return match first_line(OPTION)? {
            empty if empty.expose_secret().is_empty() => {
                Err(CliError::usage(format!("{OPTION}: stdin is empty")))
            }
            secret => Ok(secret),
        };
    }
    let shown = path.display();
    let cannot = |error: io::Error| {
        CliError::usage(format!("{OPTION}: cannot read {shown}: {error}"))
            .hint("the file must contain only the secret key")
    };
    let file = std::fs::File::open(path).map_err(cannot)?;
    if readable_by_others(&file) {
        warnings.push(format!(
            "{shown} is readable by other users; fix it with: chmod 600 {shown}"
        ));
    }
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    let text = SecretString::from(text);
    read.map_err(cannot)?;
    let secret = text.expose_secret().trim();
    if secret.is_empty() {
        return Err(CliError::usage(format!("{OPTION}: {shown} is empty")));
    }
    Ok(secret.into())
}

/// Returns whether other users can read a file. Pipes, as shells make of `<(…)`, are private.
#[cfg(unix)]
fn readable_by_others(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::File) -> bool {
    false
}

/// Describes the sources without credentials, one per line.
pub(crate) fn skipped_sources(skipped: &[Skipped], error: &AuthError) -> Vec<String> {
    let mut lines: Vec<String> = skipped
        .iter()
        .map(|skipped| format!("{}: {}", origin(&skipped.source), skipped.reason))
        .collect();
    if let Some(source) = error.source() {
        lines.push(format!("the metadata service: {}", chain(source)));
    }
    lines
}

/// The hint for missing credentials.
pub(crate) const GIVE_SOME: &str = "give --access-key and --secret-key-file, or --token, or --cloud; or set \
     HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or OS_CLOUD, or OS_USERNAME and its like (ecsctl --help lists all); with \
     --sim none of them is needed";

/// Returns the error for credentials that were not obtained. Nothing was sent to the service.
pub(crate) fn fail(error: &AuthError, skipped: &[Skipped]) -> CliError {
    let message = message(error);
    match error.kind() {
        AuthErrorKind::Missing => CliError::usage("no credentials were found")
            .details(skipped_sources(skipped, error))
            .hint(GIVE_SOME),
        AuthErrorKind::Malformed => {
            let fail = CliError::usage(message);
            match error.reason().and_then(hint_of) {
                Some(hint) => fail.hint(hint),
                None => fail.next(check_credentials()),
            }
        }
        AuthErrorKind::Refused => {
            CliError::new(Exit::Credentials, message).next(check_credentials())
        }
        _ => {
            let fail = CliError::new(Exit::Failed, message);
            match transport_kind(error).and_then(transport_hint) {
                Some(hint) => fail.hint(hint),
                None => fail.next(check_credentials()),
            }
        }
    }
}

/// Describes the error and its causes, with the names of options.
pub(crate) fn message(error: &AuthError) -> String {
    match error.reason() {
        Some(AuthReason::IncompleteCredentials { given, missing }) => {
            match (option(given), option(missing)) {
                (Some(given), Some(missing)) => {
                    format!("{given} is given, but {missing} is not: give both or neither")
                }
                _ => chain(error),
            }
        }
        Some(AuthReason::Empty { setting }) => match option(setting) {
            Some(option) => format!("{option} is empty"),
            None => chain(error),
        },
        _ => chain(error),
    }
}

/// Returns the option for a setting of the library.
fn option(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "token" => "--token",
        "access key" => "--access-key",
        "secret key" => "--secret-key",
        "security token" => "--security-token",
        "cloud" => "--cloud",
        "profile" => "--profile",
        "region" => "--region",
        "project" => "--project-id",
        _ => return None,
    })
}

/// Returns the hint for missing or refused credentials.
pub(crate) fn hint_of(reason: &AuthReason) -> Option<String> {
    let hint = match reason {
        AuthReason::UnsupportedLogin { .. } => {
            "give an access key (--access-key, --secret-key-file), a token (--token), or a cloud with a password (--cloud)"
        }
        AuthReason::AddressUnknown { service, gap } => return Some(hint_of_gap(gap, service)),
        AuthReason::ProjectUnknown => {
            "give the project's id (--project-id, OS_PROJECT_ID), or name the region (--region, OS_REGION_NAME), whose own \
             project is used then"
        }
        AuthReason::OperatorUnknown { .. } => {
            "give the addresses of another operator with --endpoint and --iam-endpoint"
        }
        AuthReason::InsecureTls { .. } => {
            "name the certificate of the authority with --ca-file, or in cacert (OS_CACERT), and remove the setting"
        }
        AuthReason::Conflict { .. } => {
            "remove the unintended setting, or name the intended one: --cloud, --profile, --region and --project-id take precedence"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns the hint for a missing address of a service.
pub(crate) fn hint_of_gap(gap: &AddressGap, service: &str) -> String {
    let option = if service == "IAM" {
        "--iam-endpoint"
    } else {
        "--endpoint"
    };
    match gap {
        AddressGap::AmbiguousRegion { operators, .. } => format!(
            "name the operator with --operator {}, or give {option}",
            operators.join(" or --operator ")
        ),
        AddressGap::UnknownRegion { .. } => {
            let known: Vec<&str> = Operator::all().map(Operator::id).collect();
            format!(
                "check the region, which is written in lower case; name the operator if it is one of {} (--operator), or give \
                 {option}",
                known.join(", ")
            )
        }
        AddressGap::OtherCloud { .. } => format!("give {option}"),
        _ => format!(
            "name the region (--region, or OS_REGION_NAME or HUAWEICLOUD_SDK_REGION_ID), or give {option}"
        ),
    }
}

/// Formats a warning with the option that resolves it.
pub(crate) fn warning(warning: &Warning) -> String {
    let hint = match warning.kind {
        WarningKind::UnusedProject => "; give --project-id where another project is meant",
        WarningKind::Derived => "; give --iam-endpoint or OS_AUTH_URL",
        _ => "",
    };
    format!("{}{hint}", warning.message)
}

/// Returns the name of a source for messages.
pub(crate) fn source(source: &CredentialSource) -> String {
    match source {
        CredentialSource::Options => "the command line".to_owned(),
        other => other.to_string(),
    }
}

/// Returns the origin of a value for messages: the library's options are the command line here.
pub(crate) fn origin(origin: &str) -> &str {
    if is_option(origin) {
        "the command line"
    } else {
        origin
    }
}

/// Returns whether this is the origin of a value that was passed to the library as an option.
pub(crate) fn is_option(origin: &str) -> bool {
    origin == "the options"
}

/// Returns the transport's error, if the transport failed.
pub(crate) fn transport_kind(error: &AuthError) -> Option<TransportErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}
