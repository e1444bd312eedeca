//! Files that hold secrets.

use std::path::Path;

/// Whether other users may read it. Only Unix tells.
#[cfg(unix)]
pub(crate) fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).map(|known| known.permissions().mode());
    mode.is_ok_and(|mode| mode & 0o077 != 0)
}

/// Whether other users may read it. Only Unix tells.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_: &Path) -> bool {
    false
}
