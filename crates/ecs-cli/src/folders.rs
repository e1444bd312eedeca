//! The user's folders of `ecsctl`.

use std::io;
use std::path::{Path, PathBuf};

/// The reason that there is no such folder, as an error message.
pub(crate) type NoFolder = &'static str;

/// Returns the folder for state: `$XDG_STATE_HOME/ecsctl`.
pub(crate) fn state() -> Result<PathBuf, NoFolder> {
    let known = folder("XDG_STATE_HOME", ".local/state");
    known.ok_or("neither XDG_STATE_HOME nor HOME names a folder")
}

/// Returns the folder for settings: `$XDG_CONFIG_HOME/ecsctl`.
pub(crate) fn config() -> Result<PathBuf, NoFolder> {
    let known = folder("XDG_CONFIG_HOME", ".config");
    known.ok_or("neither XDG_CONFIG_HOME nor HOME names a folder")
}

fn folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let path = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        // The specification requires relative paths to be ignored.
        Some(PathBuf::from(value)).filter(|path| path.is_absolute())
    };
    let local = || path("LOCALAPPDATA").filter(|_| cfg!(windows));
    let home = || Some(path("HOME")?.join(in_home));
    let root = path(variable).or_else(local).or_else(home)?;
    Some(root.join("ecsctl"))
}

/// Creates a folder that only its owner can use, unless it exists.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
