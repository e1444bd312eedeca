//! Words, as a shell reads them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::clean::clean;

/// The word so that a shell takes it for one word, and for nothing else, however it is shown. Nothing, where that cannot be
/// written.
pub(crate) fn quoted(word: &OsStr) -> Option<String> {
    let Some(text) = word.to_str().filter(|text| clean(text) == *text) else {
        return by_bytes(word.as_encoded_bytes());
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    Some(match cfg!(windows) {
        true => format!("\"{}\"", text.replace('"', "\\\"")),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    })
}

/// With every byte in digits that could be taken for something else. The shell drops newlines at its end, so that there can
/// be none.
fn by_bytes(word: &[u8]) -> Option<String> {
    if cfg!(windows) || word.ends_with(b"\n") {
        return None;
    }
    let mut format = String::new();
    for (index, byte) in word.iter().enumerate() {
        match byte {
            // What begins with a dash is an option of printf.
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

/// The path where it is not to be taken for an option.
pub(crate) fn place(path: &Path) -> OsString {
    match path.as_os_str().as_encoded_bytes().first() {
        Some(b'-') => Path::new(".").join(path).into_os_string(),
        _ => path.as_os_str().to_owned(),
    }
}

#[cfg(test)]
mod tests;
