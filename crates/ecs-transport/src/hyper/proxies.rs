//! The choice of a proxy for a request.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use ipnet::IpNet;

use super::address::host_and_port;
use super::error::{BuildError, BuildErrorKind};

/// The proxies of both schemes, and the hosts that are reached without them.
pub(super) struct Proxies {
    matcher: Matcher,
    exceptions: Exceptions,
}

impl Proxies {
    /// Creates proxies from URLs. Each has a name for messages; its value may hold a password and
    /// is never repeated.
    ///
    /// # Errors
    /// A given proxy is not a URL.
    pub(super) fn new(
        http: Option<(&str, &str)>,
        https: Option<(&str, &str)>,
        exceptions: &str,
    ) -> Result<Self, BuildError> {
        // hyper-util ignores unreadable URLs, which would send requests past the proxy.
        for (name, url) in [http, https].into_iter().flatten() {
            let any = Uri::from_static("http://ecs.invalid");
            let alone = Matcher::builder().all(url).build();
            if alone.intercept(&any).is_none() {
                let detail = format!("{name} is not a URL such as http://proxy.example:3128");
                return Err(BuildError::new(BuildErrorKind::Proxy, detail));
            }
        }
        let url = |given: Option<(&str, &str)>| given.map_or("", |(_, url)| url).to_owned();
        Ok(Self {
            matcher: Matcher::builder().http(url(http)).https(url(https)).build(),
            exceptions: Exceptions::parse(exceptions),
        })
    }

    /// Reads the proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`, each also in lower case, where the upper case takes precedence. An empty
    /// variable counts as unset. With `REQUEST_METHOD` set (CGI, where a client could set
    /// `HTTP_PROXY`) there is no proxy.
    ///
    /// # Errors
    /// A variable is not a URL.
    pub(super) fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, BuildError> {
        if variable("REQUEST_METHOD").is_some() {
            return Ok(None);
        }
        let first = |names: [&'static str; 2]| {
            let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
            names
                .into_iter()
                .find_map(|name| set(name).map(|value| (name, value)))
        };
        let all = first(["ALL_PROXY", "all_proxy"]);
        let http = first(["HTTP_PROXY", "http_proxy"]).or_else(|| all.clone());
        let https = first(["HTTPS_PROXY", "https_proxy"]).or(all);
        if http.is_none() && https.is_none() {
            return Ok(None);
        }
        let exceptions = first(["NO_PROXY", "no_proxy"]).map_or(String::new(), |(_, list)| list);
        Self::new(
            http.as_ref().map(|(name, url)| (*name, url.as_str())),
            https.as_ref().map(|(name, url)| (*name, url.as_str())),
            &exceptions,
        )
        .map(Some)
    }

    /// Returns the proxy for this URI; `None` if it is reached directly.
    pub(super) fn intercept(&self, target: &Uri) -> Option<Intercept> {
        let (host, port) = host_and_port(target);
        if self.exceptions.contain(host, port) {
            None
        } else {
            self.matcher.intercept(target)
        }
    }
}

/// Omits everything that could hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("exceptions", &self.exceptions)
            .finish_non_exhaustive()
    }
}

/// The list in `NO_PROXY`, as curl reads it (`*`, names with their subdomains, addresses, networks;
/// separated by commas or blanks), extended by what Go and Python read: `*` within a list,
/// `*.name`, and a port after a name or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    /// The port; `None` excepts every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Network(IpNet),
    Address(IpAddr),
    /// A name and its subdomains, in lower case, without dots around it.
    Name(String),
}

impl Exceptions {
    /// Parses a list. Unreadable entries match nothing, as in other programs.
    fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(Exception::parse).collect())
    }

    fn contain(&self, host: &str, port: u16) -> bool {
        let host = unbracketed(host).trim_end_matches('.');
        let address = host
            .parse::<IpAddr>()
            .ok()
            .map(|address| address.to_canonical());
        self.0
            .iter()
            .any(|exception| exception.matches(host, address, port))
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::of_addresses(entry) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let hosts = Hosts::of_addresses(host).or_else(|| Hosts::of_name(host))?;
        Some(Self { hosts, port })
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
            && match (&self.hosts, address) {
                (Hosts::All, _) => true,
                (Hosts::Network(network), Some(address)) => network.contains(&address),
                (Hosts::Address(one), Some(address)) => *one == address,
                (Hosts::Name(name), None) => is_within(host, name),
                _ => false,
            }
    }
}

impl Hosts {
    fn of_addresses(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let network = || text.parse().ok().map(Self::Network);
        let address = unbracketed(text).parse::<IpAddr>().ok();
        address
            .map(|address| Self::Address(address.to_canonical()))
            .or_else(network)
    }

    fn of_name(text: &str) -> Option<Self> {
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.trim_end_matches('.');
        let is_name = !name.is_empty() && !name.contains(['*', ':', '/', '[', ']']);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

/// Returns whether the host is this name or a subdomain of it.
fn is_within(host: &str, name: &str) -> bool {
    let Some(begin) = host.len().checked_sub(name.len()) else {
        return false;
    };
    // Compared as bytes: a host may be cut within a character.
    let (above, end) = host.as_bytes().split_at(begin);
    end.eq_ignore_ascii_case(name.as_bytes()) && above.last().is_none_or(|&byte| byte == b'.')
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests;
