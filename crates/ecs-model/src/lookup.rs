//! Looks up error codes in the catalogue.

use crate::ErrorInfo;
use crate::generated::error_catalogue::CATALOGUE;

impl ErrorInfo {
    /// Returns the entry of this code, in any case; `None` if no page documents it.
    pub fn of(code: &str) -> Option<&'static Self> {
        CATALOGUE
            .binary_search_by(|entry| compare_ignoring_case(entry.code, code))
            .ok()
            .and_then(|index| CATALOGUE.get(index))
    }

    /// Returns all entries, ordered by code without regard to case.
    pub fn all() -> &'static [Self] {
        CATALOGUE
    }
}

fn compare_ignoring_case(left: &str, right: &str) -> std::cmp::Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    left.bytes().map(lower).cmp(right.bytes().map(lower))
}

#[cfg(test)]
mod tests;
