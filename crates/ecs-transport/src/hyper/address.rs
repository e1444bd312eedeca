//! The address that a URI points to.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Returns host and port of a URI, by default the port of its scheme.
pub(super) fn host_and_port(uri: &Uri) -> (&str, u16) {
    parts(uri.authority(), is_https(uri))
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

fn parts(authority: Option<&Authority>, is_https: bool) -> (&str, u16) {
    let implied = if is_https { 443 } else { 80 };
    (
        authority.map_or("", Authority::host),
        authority.and_then(Authority::port_u16).unwrap_or(implied),
    )
}

/// Returns `host:port` of a URI without its user information.
pub(super) fn address(uri: &Uri) -> String {
    Address::of(uri).to_string()
}

/// The address of a request, formatted as [`address`] does. Only errors need the text.
#[derive(Debug)]
pub(super) struct Address {
    authority: Option<Authority>,
    is_https: bool,
}

impl Address {
    /// Returns the address that a URI points to.
    pub(super) fn of(uri: &Uri) -> Self {
        Self {
            authority: uri.authority().cloned(),
            is_https: is_https(uri),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = parts(self.authority.as_ref(), self.is_https);
        write!(f, "{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{Address, address};

    #[test]
    fn an_address_has_the_port_of_its_scheme_and_no_user() {
        for (uri, expected) in [
            ("http://ecs.example/v1", "ecs.example:80"),
            ("https://ecs.example", "ecs.example:443"),
            ("https://u:p@ecs.example:8443/", "ecs.example:8443"),
            ("http://[::1]/", "[::1]:80"),
            ("/relative", ":80"),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(Address::of(&uri).to_string(), expected);
            assert_eq!(address(&uri), expected);
        }
    }
}
