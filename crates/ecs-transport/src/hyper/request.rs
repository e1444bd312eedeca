//! Checks of a request, and its form on the wire.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::{Method, Request, Uri, Version};
use http_body_util::Full;

use super::proxies::Proxies;
use crate::{Delivery, TransportError, TransportErrorKind};

/// Checks what hyper would misread or drop silently, and completes the headers.
pub(super) fn prepare(
    request: Request<Bytes>,
    proxies: Option<&Proxies>,
) -> Result<Request<Full<Bytes>>, TransportError> {
    check(request.method(), request.uri()).map_err(|reason| {
        TransportError::new(TransportErrorKind::Request, Delivery::NotSent).with_detail(reason)
    })?;

    let (mut parts, body) = request.into_parts();
    // Extensions and version can change how hyper treats a request; callers do not need them.
    parts.extensions.clear();
    parts.version = Version::HTTP_11;
    // hyper would trust a wrong length given here, and the peer would wait for the rest.
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    let expects_body = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
    if expects_body || !body.is_empty() {
        parts
            .headers
            .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    // Through a tunnel the proxy gets its credentials with CONNECT; a forward proxy reads them in
    // the request.
    if parts.uri.scheme_str() == Some("http")
        && let Some(proxy) = proxies.and_then(|proxies| proxies.intercept(&parts.uri))
        && let Some(auth) = proxy.basic_auth()
    {
        parts.headers.insert(PROXY_AUTHORIZATION, auth.clone());
    }
    Ok(Request::from_parts(parts, Full::new(body)))
}

fn check(method: &Method, uri: &Uri) -> Result<(), &'static str> {
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("its URI has no scheme http or https");
    }
    let Some(authority) = uri.authority() else {
        return Err("its URI has no host");
    };
    let host = authority.host();
    if host.is_empty() {
        return Err("its URI has no host");
    }
    if authority.as_str().contains('@') {
        return Err("its URI holds user information, which would not be used");
    }
    // A port that is not a number up to 65535 would silently become the default port.
    if authority.as_str() != host && authority.port_u16().is_none() {
        return Err("its URI has no valid port");
    }
    if method == Method::CONNECT {
        return Err("CONNECT is not an exchange");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
