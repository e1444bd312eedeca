//! The token that a login needs.

use std::path::Path;

use secrecy::SecretString;

use super::access;
use crate::fail::CliError;
use crate::private_file::is_open_to_others;

/// The shortest token: a shorter one could be guessed.
const SHORTEST: usize = 20;
/// The longest token: it fits into a form and a header.
const LONGEST: usize = 512;

/// Reads the token from a file.
pub(super) fn from_file(file: &Path) -> Result<SecretString, CliError> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("--token-file: cannot read {shown}: {error}")))?;
    if is_open_to_others(file) {
        return Err(CliError::usage(format!(
            "other users can read the token file {shown}, so it is not used"
        ))
        .hint(format!("chmod 600 {shown}, and make a new token")));
    }
    // An editor ends the line.
    let token = text.trim_end_matches(['\r', '\n']);
    let is_valid = token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_valid || !(SHORTEST..=LONGEST).contains(&token.len()) {
        return Err(CliError::usage(format!(
            "--token-file: {shown} must hold {SHORTEST} to {LONGEST} printable ASCII characters without spaces, on one line"
        ))
        .hint(format!(
            "make one: (umask 077; openssl rand -hex 32 > {shown})"
        )));
    }
    Ok(SecretString::from(token))
}

/// Makes a new token.
pub(super) fn new() -> SecretString {
    SecretString::from(access::random())
}

#[cfg(test)]
mod tests;
