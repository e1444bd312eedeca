//! The address of the service.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// The address of a service: `http` or `https`, a host, and optionally a port and a path in front
/// of the API's own.
///
/// Equivalent addresses are equal and displayed alike: scheme and host in lower case, without the
/// default port.
///
/// ```
/// use ecs_client::Endpoint;
///
/// let endpoint: Endpoint = "https://ecs.eu-de.otc.t-systems.com/".parse()?;
/// assert_eq!(endpoint.to_string(), "https://ecs.eu-de.otc.t-systems.com");
/// assert_eq!("HTTPS://ECS.eu-de.otc.t-systems.com:443".parse::<Endpoint>()?, endpoint);
/// assert!("ecs.eu-de.otc.t-systems.com".parse::<Endpoint>().is_err());
/// # Ok::<_, ecs_client::ParseEndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

/// A text that is not an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEndpointError {
    problem: &'static str,
}

impl fmt::Display for ParseEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: an endpoint looks like https://ecs.eu-de.otc.t-systems.com",
            self.problem
        )
    }
}

impl std::error::Error for ParseEndpointError {}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        // The error does not repeat the text: it may hold a password.
        let wrong = |problem| ParseEndpointError { problem };
        if text.contains('#') {
            return Err(wrong("a fragment (#) is not allowed in an endpoint"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| wrong("not a URL"))?;
        let parts = uri.into_parts();
        let scheme = parts
            .scheme
            .ok_or(wrong("no http:// or https:// before the host"))?;
        let (scheme, default_port) = match scheme.as_str().to_ascii_lowercase().as_str() {
            "http" => (Scheme::HTTP, 80),
            "https" => (Scheme::HTTPS, 443),
            _ => return Err(wrong("neither http nor https")),
        };
        let authority = parts.authority.ok_or(wrong("no host"))?;
        if authority.host().is_empty() {
            return Err(wrong("no host"));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("a user or password is not allowed in an endpoint"));
        }
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host).unwrap_or_default();
        if !port.is_empty() && matches!(authority.port_u16(), None | Some(0)) {
            return Err(wrong("the port is not a number from 1 to 65535"));
        }
        let port = authority.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let authority = format!("{}{port}", host.to_ascii_lowercase());
        let authority = authority.parse().map_err(|_| wrong("not a host"))?;
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(wrong("a query is not allowed in an endpoint"));
        }
        let prefix = path.map(|path| path.path().trim_end_matches('/').to_owned());
        Ok(Self {
            scheme,
            authority,
            prefix: prefix.unwrap_or_default(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl Endpoint {
    /// Returns whether requests are encrypted.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Returns the host without a port; an IPv6 address without its brackets.
    ///
    /// ```
    /// let endpoint: ecs_client::Endpoint = "http://[::1]:8080/ecs".parse()?;
    /// assert_eq!(endpoint.host(), "::1");
    /// # Ok::<_, ecs_client::ParseEndpointError>(())
    /// ```
    pub fn host(&self) -> &str {
        let host = self.authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(host)
    }

    /// Returns the new address of the whole site, if an answer to a request to `asked` redirects
    /// there: `Location` is the same path and query at another scheme, host or port. Any other
    /// redirect does not show that the site has moved.
    pub(crate) fn moved(&self, asked: &Uri, location: &str) -> Option<Self> {
        let target: Uri = location.parse().ok()?;
        let moved = Self {
            scheme: target.scheme()?.clone(),
            authority: target.authority()?.clone(),
            prefix: self.prefix.clone(),
        };
        let same_path = target.path() == asked.path() && target.query() == asked.query();
        let is_web = moved.scheme == Scheme::HTTP || moved.scheme == Scheme::HTTPS;
        let is_plain = !moved.authority.as_str().contains('@') && !moved.host().is_empty();
        (same_path && is_web && is_plain && !moved.is_at_origin_of(self)).then_some(moved)
    }

    /// Returns whether scheme, host and port are equivalent.
    fn is_at_origin_of(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
    }

    fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// Makes the relative URI of an operation (a path and optionally a query) absolute.
    pub(crate) fn absolute(&self, relative: &Uri) -> Result<Uri, http::Error> {
        let path = match relative.path_and_query() {
            Some(path) if self.prefix.is_empty() => path.clone(),
            Some(path) => [&*self.prefix, path.as_str()].concat().try_into()?,
            None => [&*self.prefix, "/"].concat().try_into()?,
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Ok(Uri::from_parts(parts)?)
    }
}

#[cfg(test)]
mod tests;
