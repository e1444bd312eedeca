//! Quoting of arguments for shells.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::clean::clean;

/// Quotes an argument so that a shell reads it as exactly one word. `None` if that cannot be written.
pub(crate) fn quoted(word: &OsStr) -> Option<String> {
    let Some(text) = word.to_str().filter(|text| clean(text) == *text) else {
        return by_bytes(word.as_encoded_bytes());
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    Some(if cfg!(windows) {
        format!("\"{}\"", text.replace('"', "\\\""))
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    })
}

/// Quotes an argument through `printf`, with special bytes as octal digits. `None` on Windows, and for a word that
/// ends with a newline, which the shell would drop.
fn by_bytes(word: &[u8]) -> Option<String> {
    if cfg!(windows) || word.ends_with(b"\n") {
        return None;
    }
    let mut format = String::new();
    for (index, byte) in word.iter().enumerate() {
        match byte {
            // A leading dash would be an option of printf.
            b'-' if index == 0 => format.push_str("\\055"),
            b' ' | b'_' | b'-' | b'.' | b'/' | b':' | b'=' | b',' | b'@' | b'+' => {
                format.push(char::from(*byte));
            }
            byte if byte.is_ascii_alphanumeric() => format.push(char::from(*byte)),
            byte => format.push_str(&format!("\\{byte:03o}")),
        }
    }
    Some(format!("\"$(printf '{format}')\""))
}

/// Returns the path in a form that is not parsed as an option.
pub(crate) fn place(path: &Path) -> OsString {
    match path.as_os_str().as_encoded_bytes().first() {
        Some(b'-') => Path::new(".").join(path).into_os_string(),
        _ => path.as_os_str().to_owned(),
    }
}

#[cfg(test)]
mod tests;
