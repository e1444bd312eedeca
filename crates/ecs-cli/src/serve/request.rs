//! The sender of a request, by its head.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};

use crate::args::host_of;

/// Returns the host that a request is for, in lower case, without its port.
pub(super) fn host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    // Two of them: one reader takes the first, another one the last.
    hosts
        .next()
        .is_none()
        .then(|| host_of(host).map(str::to_ascii_lowercase))?
}

/// Returns whether a page may be read under the name of this host. A foreign name may lead here as well, with foreign
/// scripts that would then count as ours (DNS rebinding): only an address, `localhost` and the public name are ours.
pub(super) fn is_own_host(host: &str, public: Option<&str>) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    address.unwrap_or(host).parse::<IpAddr>().is_ok() || host == "localhost" || Some(host) == public
}

/// Returns whether a request that changes the session comes from a page of ours.
pub(super) fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    // No browser sends a form without one of the two.
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    let origin = origin.and_then(|(_, authority)| host_of(authority));
    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

/// Returns the value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';'));
    cookies.find_map(|cookie| {
        let (found, value) = cookie.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Returns the token of a request that carries one.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
