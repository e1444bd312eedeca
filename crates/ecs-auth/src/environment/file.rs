//! Reading of files that may hold credentials.

use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
pub(super) const MAX_FILE: u64 = 1 << 20;

#[derive(Clone)]
pub(crate) struct File {
    /// The content, or why it is unreadable.
    pub(crate) text: Result<Zeroizing<String>, String>,
    pub(crate) readable_by_others: bool,
}

/// Reads a file; `None` if it does not exist or is a folder. A pipe, such as a shell's `<(…)`, is
/// read like a file.
pub(super) fn read(path: &Path) -> Option<File> {
    let unreadable = |error: io::Error| File {
        text: Err(error.to_string()),
        readable_by_others: false,
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return None,
        Ok(metadata) => metadata,
        Err(error) => {
            let none = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            return (!none).then(|| unreadable(error));
        }
    };
    // Capacity for the whole content, so that it never moves and leaves a copy behind.
    let room = metadata.len().min(MAX_FILE) as usize + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
    match read {
        Err(error) => Some(unreadable(error)),
        Ok(_) => Some(File {
            text: match text.len() as u64 {
                0..=MAX_FILE => Ok(text),
                _ => Err("it is larger than a mebibyte".to_owned()),
            },
            readable_by_others: metadata.is_file() && is_readable_by_others(&metadata),
        }),
    }
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}
