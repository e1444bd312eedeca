//! The address that a URI points to.

use http::Uri;
use http::uri::Scheme;

/// Returns host and port of a URI, by default the port of its scheme.
pub(super) fn host_and_port(uri: &Uri) -> (&str, u16) {
    let implied = if uri.scheme() == Some(&Scheme::HTTPS) {
        443
    } else {
        80
    };
    (
        uri.host().unwrap_or_default(),
        uri.port_u16().unwrap_or(implied),
    )
}

/// Returns `host:port` of a URI without its user information.
pub(super) fn address(uri: &Uri) -> String {
    let (host, port) = host_and_port(uri);
    format!("{host}:{port}")
}
