//! Headers with secrets masked, for logs.

use std::fmt;

use http::{HeaderMap, HeaderName};

/// Names of headers whose values grant access.
const SECRET: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-auth-token",
    "x-sdk-security-token",
    "x-security-token",
    "x-subject-token",
];

/// Displays a header map with secret values, and any marked sensitive, masked.
pub(crate) struct Headers<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            if is_secret(name) || value.is_sensitive() {
                map.entry(&name.as_str(), &format_args!("***"));
            } else {
                map.entry(&name.as_str(), value);
            }
        }
        map.finish()
    }
}

fn is_secret(name: &HeaderName) -> bool {
    SECRET.contains(&name.as_str())
}

#[cfg(test)]
mod tests;
