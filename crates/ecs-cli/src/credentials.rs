//! As whom: from the global options and the environment of the process to credentials.

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
use crate::fail::{Fail, chain, check_credentials, transport_hint};

/// Where the metadata service is, if not where it is on every server.
const METADATA: &str = "ECSCTL_METADATA_ENDPOINT";

/// No secret is longer, and what is should not be read whole.
const LONGEST: u64 = 64 * 1024;

/// The options, with warnings. Secrets are read from stdin and from files.
pub(crate) fn options(global: &Global) -> Result<(CredentialOptions, Vec<String>), Fail> {
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

/// The address of the metadata service, if the environment names one.
pub(crate) fn metadata_endpoint() -> Option<String> {
    let address = std::env::var(METADATA).ok();
    address.filter(|address| !address.is_empty())
}

/// The token and the secret key.
pub(crate) fn secrets(
    global: &Global,
    warnings: &mut Vec<String>,
) -> Result<(Option<SecretString>, Option<SecretString>), Fail> {
    if let [one, other, ..] = global.read_from_stdin()[..] {
        return Err(Fail::usage(format!(
            "{one} and {other} cannot both be read from stdin"
        )));
    }
    let secret_key = match &global.secret_key_file {
        Some(path) => Some(from_file(path, warnings)?),
        None => secret("--secret-key", &global.secret_key)?,
    };
    Ok((secret("--token", &global.token)?, secret_key))
}

/// The secret as it was given, or the one on stdin.
fn secret(option: &str, given: &Option<SecretString>) -> Result<Option<SecretString>, Fail> {
    let Some(given) = given else { return Ok(None) };
    let secret = match given.expose_secret() {
        "-" => first_line(option)?,
        _ => given.clone(),
    };
    if secret.expose_secret().is_empty() {
        // Not to be taken for one that is not given: the next source could be somebody else's.
        let what = option.trim_start_matches('-').replace('-', " ");
        return Err(Fail::usage(format!("{option}: the {what} is empty")));
    }
    Ok(Some(secret))
}

/// One line of stdin.
fn first_line(option: &str) -> Result<SecretString, Fail> {
    if io::stdin().is_terminal() {
        return Err(Fail::usage(format!(
            "{option}: stdin is a terminal, which would show it"
        ))
        .hint("let stdin come from a file or another program, for example of a keyring"));
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST).read_line(&mut line);
    // Wrapped first, so that it is overwritten whatever follows.
    let line = SecretString::from(line);
    match read {
        Ok(_) => Ok(line.expose_secret().trim().into()),
        Err(error) => Err(Fail::usage(format!(
            "{option}: cannot read it from stdin: {error}"
        ))),
    }
}

fn from_file(path: &Path, warnings: &mut Vec<String>) -> Result<SecretString, Fail> {
    const OPTION: &str = "--secret-key-file";
    if path == Path::new("-") {
        return match first_line(OPTION)? {
            empty if empty.expose_secret().is_empty() => {
                Err(Fail::usage(format!("{OPTION}: there is nothing in stdin")))
            }
            secret => Ok(secret),
        };
    }
    let shown = path.display();
    let cannot = |error: io::Error| {
        Fail::usage(format!("{OPTION}: cannot read {shown}: {error}"))
            .hint("it takes a file with nothing but the secret key")
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
        return Err(Fail::usage(format!("{OPTION}: {shown} is empty")));
    }
    Ok(secret.into())
}

/// Only of files: a pipe, as shells make of `<(…)`, has no others.
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

/// Where no credentials are, line by line.
pub(crate) fn looked_at(skipped: &[Skipped], error: &AuthError) -> Vec<String> {
    let mut lines: Vec<String> = skipped
        .iter()
        .map(|skipped| format!("{}: {}", origin(&skipped.source), skipped.why))
        .collect();
    if let Some(source) = error.source() {
        lines.push(format!("the metadata service: {}", chain(source)));
    }
    lines
}

/// What to do where there are no credentials.
pub(crate) const GIVE_SOME: &str = "give --access-key and --secret-key-file, or --token, or --cloud; or set \
     HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or OS_CLOUD, or OS_USERNAME and its like (ecsctl --help lists all); with \
     --sim none of them is needed";

/// Credentials could not be had; nothing was sent to the service.
pub(crate) fn fail(error: &AuthError, skipped: &[Skipped]) -> Fail {
    let message = message(error);
    match error.kind() {
        AuthErrorKind::Missing => Fail::usage("no credentials were found")
            .details(looked_at(skipped, error))
            .hint(GIVE_SOME),
        AuthErrorKind::Malformed => {
            let fail = Fail::usage(message);
            match error.reason().and_then(hint_of) {
                Some(hint) => fail.hint(hint),
                None => fail.next(check_credentials()),
            }
        }
        AuthErrorKind::Refused => Fail::new(Exit::Credentials, message).next(check_credentials()),
        _ => {
            let fail = Fail::new(Exit::Failed, message);
            match transport_kind(error).and_then(transport_hint) {
                Some(hint) => fail.hint(hint),
                None => fail.next(check_credentials()),
            }
        }
    }
}

/// The error and its causes, with options by their names.
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

/// The option for a setting of the library.
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

/// What to do about what is missing or refused.
pub(crate) fn hint_of(reason: &AuthReason) -> Option<String> {
    let hint = match reason {
        AuthReason::UnsupportedLogin { .. } => {
            "give an access key (--access-key, --secret-key-file), a token (--token), or a cloud with a password (--cloud)"
        }
        AuthReason::AddressUnknown { service, gap } => return Some(hint_of_gap(gap, service)),
        AuthReason::ProjectUnknown => {
            "give the project's id (--project-id, OS_PROJECT_ID), or name the region (--region, OS_REGION_NAME), whose own \
             project it is then"
        }
        AuthReason::OperatorUnknown { .. } => {
            "give the addresses of another operator with --endpoint and --iam-endpoint"
        }
        AuthReason::InsecureTls { .. } => {
            "name the certificate of the authority with --ca-file, or in cacert (OS_CACERT), and take the setting away"
        }
        AuthReason::Conflict { .. } => {
            "take away what is not meant, or say what is: --cloud, --profile, --region and --project-id go before all else"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// How the address of a service can be given.
pub(crate) fn hint_of_gap(gap: &AddressGap, service: &str) -> String {
    let option = if service == "IAM" {
        "--iam-endpoint"
    } else {
        "--endpoint"
    };
    match gap {
        AddressGap::AmbiguousRegion { operators, .. } => format!(
            "say whose it is with --operator {}, or give {option}",
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

/// A warning, with the option that puts it right.
pub(crate) fn warning(warning: &Warning) -> String {
    let hint = match warning.kind {
        WarningKind::UnusedProject => "; give --project-id where another project is meant",
        WarningKind::Derived => "; give --iam-endpoint or OS_AUTH_URL",
        _ => "",
    };
    format!("{}{hint}", warning.message)
}

/// The source, for people.
pub(crate) fn source(source: &CredentialSource) -> String {
    match source {
        CredentialSource::Options => "the command line".to_owned(),
        other => other.to_string(),
    }
}

/// The origin of a value: what the library calls the options is the command line here.
pub(crate) fn origin(origin: &str) -> &str {
    if is_option(origin) {
        "the command line"
    } else {
        origin
    }
}

/// Whether this is the origin of a value that was handed to the library as an option.
pub(crate) fn is_option(origin: &str) -> bool {
    origin == "the options"
}

/// How the exchange failed, if it was the transport that did.
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
