//! As whom: from the global options and what surrounds the process to credentials.

use std::error::Error as StdError;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use ecs_ops::auth::{AuthError, AuthErrorKind, Chosen, Flags, Skipped, Surroundings};
use ecs_ops::transport::{TransportError, TransportErrorKind};
use secrecy::{ExposeSecret as _, SecretString};

use crate::args::Global;
use crate::exit::Exit;
use crate::fail::{CHECK, Fail, chain, transport_hint};

/// Where the metadata service is, if not where it is on every server.
const METADATA: &str = "ECSCTL_METADATA_ENDPOINT";

/// No secret is longer, and what is should not be read whole.
const LONGEST: u64 = 64 * 1024;

/// The options as flags, with warnings. Secrets are read from stdin and from files.
pub(crate) fn flags(global: &Global) -> Result<(Flags, Vec<String>), Fail> {
    let mut warnings = Vec::new();
    let (token, secret_key) = secrets(global, &mut warnings)?;
    let mut flags = Flags::default();
    flags.token = token;
    flags.access_key.clone_from(&global.access_key);
    flags.secret_key = secret_key;
    flags.security_token = secret("--security-token", &global.security_token)?;
    flags.cloud.clone_from(&global.cloud);
    flags.profile.clone_from(&global.profile);
    flags.region.clone_from(&global.region);
    flags.project_id = global.project_id.as_ref().map(ToString::to_string);
    flags.endpoint.clone_from(&global.endpoint);
    flags.iam_endpoint.clone_from(&global.iam_endpoint);
    flags.metadata_endpoint = std::env::var(METADATA)
        .ok()
        .filter(|address| !address.is_empty());
    Ok((flags, warnings))
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
            "others can read {shown}: take that right away with chmod 600 {shown}"
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
    metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::File) -> bool {
    false
}

/// The first source that has credentials.
pub(crate) fn choose(flags: &Flags) -> Result<Chosen, AuthError> {
    Chosen::new(flags, &Surroundings::of_process())
}

/// Where no credentials are, line by line.
pub(crate) fn looked_at(skipped: &[Skipped], error: &AuthError) -> Vec<String> {
    let mut lines: Vec<String> = skipped
        .iter()
        .map(|skipped| format!("{}: {}", skipped.source, skipped.why))
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
    let words = chain(error);
    match error.kind() {
        AuthErrorKind::Missing => Fail::usage("no credentials were found")
            .details(looked_at(skipped, error))
            .hint(GIVE_SOME),
        AuthErrorKind::Malformed => Fail::usage(words).hint(CHECK),
        AuthErrorKind::Refused => Fail::new(Exit::Credentials, words).hint(CHECK),
        _ => {
            let hint = transport_kind(error).and_then(transport_hint);
            Fail::new(Exit::Failed, words).hint(hint.unwrap_or(CHECK))
        }
    }
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
