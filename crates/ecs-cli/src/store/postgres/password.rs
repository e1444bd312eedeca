//! The password of the store: from a file, a variable or a password file, never from an argument.

use std::path::{Path, PathBuf};

use ecs_store_postgres::{Passfile, StoreAddress};
use secrecy::SecretString;

use crate::args::Global;
use crate::fail::CliError;
use crate::private_file::is_open_to_others;

/// Adds user and password to an address that lacks them.
pub(super) fn complete(address: StoreAddress, global: &Global) -> Result<StoreAddress, CliError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = ["PGUSER", "LOGNAME", "USER"].into_iter().find_map(variable);
    let address = match user {
        Some(user) => address.with_default_user(&user),
        None => address,
    };
    if let Some(file) = &global.store.store_password_file {
        let password = std::fs::read_to_string(file).map_err(|error| {
            CliError::usage(format!(
                "--store-password-file: cannot read {}: {error}",
                file.display()
            ))
        })?;
        // Editors end the last line with a newline.
        let password = password.trim_end_matches(['\r', '\n']);
        return Ok(address.with_password(&SecretString::from(password)));
    }
    if address.has_password() {
        return Ok(address);
    }
    if let Some(password) = variable("PGPASSWORD") {
        return Ok(address.with_password(&SecretString::from(password)));
    }
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".pgpass"));
    match named.clone().or_else(home) {
        Some(file) => with_passfile(address, &file, named.is_some()),
        None => Ok(address),
    }
}

/// Finds the password in a password file. Without `is_named` the file may be missing.
fn with_passfile(
    address: StoreAddress,
    file: &Path,
    is_named: bool,
) -> Result<StoreAddress, CliError> {
    let shown = file.display();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(_) if !is_named => return Ok(address),
        Err(error) => {
            return Err(CliError::usage(format!(
                "PGPASSFILE: cannot read {shown}: {error}"
            )));
        }
    };
    if is_open_to_others(file) {
        return Err(CliError::usage(format!(
            "other users can read the password file {shown}, so it is not used"
        ))
        .hint(format!("chmod 600 {shown}")));
    }
    Ok(address.with_passfile(&Passfile::parse(&text)))
}
