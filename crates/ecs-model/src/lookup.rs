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

    /// Returns whether a code is from an API gateway, which knows neither the servers nor the jobs of a request. `APIGW.` is
    /// documented (vendor's page "Error Codes" of API Gateway); dedicated gateways answer with `APIG.`.
    ///
    /// ```
    /// use ecs_model::ErrorInfo;
    ///
    /// assert!(ErrorInfo::is_of_gateway("APIGW.0101"));
    /// assert!(ErrorInfo::is_of_gateway("APIG.0101"));
    /// assert!(!ErrorInfo::is_of_gateway("Ecs.0114"));
    /// ```
    pub fn is_of_gateway(code: &str) -> bool {
        let prefix = code.split_once('.').map(|(prefix, _)| prefix);
        let is_gateway = |prefix: &str| {
            let mut known = GATEWAYS.iter();
            known.any(|gateway| gateway.eq_ignore_ascii_case(prefix))
        };
        prefix.is_some_and(is_gateway)
    }

    /// Returns all entries, ordered by code without regard to case.
    pub fn all() -> &'static [Self] {
        CATALOGUE
    }
}

/// The codes of gateways up to their dot.
const GATEWAYS: [&str; 2] = ["APIGW", "APIG"];

fn compare_ignoring_case(left: &str, right: &str) -> std::cmp::Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    left.bytes().map(lower).cmp(right.bytes().map(lower))
}

#[cfg(test)]
mod tests;
