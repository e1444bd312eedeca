//! Files that only their owner can read.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Returns options to open files for writing. Only the owner can read created files.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a file, and fails if it exists.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

/// Returns `true` if other users can read a file. Only Unix knows.
#[cfg(all(unix, any(feature = "serve", feature = "postgres")))]
pub(crate) fn is_open_to_others(file: &Path) -> bool {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    is_open(file, credentials.as_deref().map(Path::new))
}

/// Returns `true` if other users can read a file; `credentials` is the folder in which systemd gives credentials to a service.
#[cfg(all(unix, any(feature = "serve", feature = "postgres")))]
fn is_open(file: &Path, credentials: Option<&Path>) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).map(|known| known.permissions().mode());
    // They are readable by an access list, whose mask is in the place of the group's rights.
    let is_credential = credentials.is_some() && file.parent() == credentials;
    let others = if is_credential { 0o037 } else { 0o077 };
    mode.is_ok_and(|mode| mode & others != 0)
}

/// Returns `true` if other users can read a file. Only Unix knows.
#[cfg(all(not(unix), any(feature = "serve", feature = "postgres")))]
pub(crate) fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix, any(feature = "serve", feature = "postgres")))]
mod tests;
