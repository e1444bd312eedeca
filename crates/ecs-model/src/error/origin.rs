//! The maker of an answer: the service, its API gateway, or an intermediary.
//!
//! A proxy can replace an answer with a page of its own after the service executed the request. So
//! only an answer in a form that the vendor or OpenStack documents, with a code of theirs, counts
//! as the service's.

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::body::{is_code, text};
use super::{header, request_id};
use crate::ErrorInfo;

/// The maker of an answer that is an error, as far as its form proves that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerOrigin {
    /// The service: a body with a code of the vendor's (`Ecs.0005`, `Common.1503`), or a fault of OpenStack's whose code
    /// is the status (`{"itemNotFound":{"code":404,…}}`, `{"error":{"code":401,"title":…}}`).
    Service,
    /// The service, by OpenStack's fault `overLimit`: too many requests (Nova documents it with 413 and 429).
    OverLimit,
    /// The API gateway in front of the service: a body with a code that begins with `APIGW.`.
    ApiGateway,
    /// Probably the service: its documented envelope `{"error":{"message":…}}` without a code of
    /// the vendor's, and a request id in the headers. Too little to treat as throttling or as a
    /// refusal of credentials. With the status as its code (`{"error":{"code":404,…}}`) it is
    /// [`Unproven`](Self::Unproven): error pages of gateways often have that form, and gateways
    /// add request ids.
    ServiceWithoutCode,
    /// Nothing proves that the service or its API gateway made it.
    Unproven,
}

impl AnswerOrigin {
    /// Returns whether the service or its API gateway made the answer.
    pub fn is_proven(self) -> bool {
        self != Self::Unproven
    }

    /// Determines the origin from the form of an answer; `code` was found in the whole body.
    pub(super) fn of(
        status: StatusCode,
        object: &Map<String, Value>,
        code: Option<&str>,
        headers: &HeaderMap,
    ) -> Self {
        let error = object.get("error").and_then(Value::as_object);
        if let Some(code) = code.filter(|code| is_code(code)) {
            if ErrorInfo::is_of_gateway(code) {
                return Self::ApiGateway;
            }
            return Self::Service;
        }
        if let Some(origin) = fault(status, object) {
            return origin;
        }
        let Some(error) = error else {
            return Self::Unproven;
        };
        if is_keystone_error(status, error) {
            Self::Service
        } else if text(error, &["message"]).is_some()
            && request_id(headers).is_some()
            && !has_code_of(status, error)
        {
            Self::ServiceWithoutCode
        } else {
            Self::Unproven
        }
    }
}

/// The faults that OpenStack Compute names in its answers (API guide, "Faults").
const FAULTS: &[&str] = &[
    "badMediaType",
    "badMethod",
    "badRequest",
    "buildInProgress",
    "computeFault",
    "conflictingRequest",
    "forbidden",
    "itemNotFound",
    "notImplemented",
    "overLimit",
    "resizeNotAllowed",
    "serverCapacityUnavailable",
    "serviceUnavailable",
    "unauthorized",
];

/// Recognizes a fault of OpenStack Compute: one object, named after the fault, with the status as
/// its code.
fn fault(status: StatusCode, object: &Map<String, Value>) -> Option<AnswerOrigin> {
    let mut entries = object.iter();
    let (name, fault) = entries.next()?;
    let fault = fault.as_object()?;
    let is_fault = entries.next().is_none()
        && FAULTS.contains(&name.as_str())
        && has_code_of(status, fault)
        && text(fault, &["message"]).is_some();
    is_fault.then_some(if name == "overLimit" {
        AnswerOrigin::OverLimit
    } else {
        AnswerOrigin::Service
    })
}

/// Returns whether this is an error of Keystone or of its middleware in front of a service: status
/// as code, title, message.
fn is_keystone_error(status: StatusCode, error: &Map<String, Value>) -> bool {
    has_code_of(status, error)
        && text(error, &["title"]).is_some()
        && text(error, &["message"]).is_some()
}

fn has_code_of(status: StatusCode, object: &Map<String, Value>) -> bool {
    text(object, &["code"]).is_some_and(|code| code == status.as_str())
}

/// Returns the proxy or web server that the headers of an answer name: the last of `Via`, Squid's
/// own headers, or a `Server` that is known to stand in front of services. Shortened, in visible
/// characters.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// headers.insert("server", http::HeaderValue::from_static("nginx/1.22.1"));
/// assert_eq!(ecs_model::intermediary(&headers).as_deref(), Some("nginx/1.22.1"));
/// headers.insert("server", http::HeaderValue::from_static("api-gateway"));
/// assert_eq!(ecs_model::intermediary(&headers), None);
/// ```
pub fn intermediary(headers: &HeaderMap) -> Option<String> {
    const LONGEST: usize = 80;
    let via = header(headers, "via").map(|via| {
        let last = via.rsplit(',').next().unwrap_or_default().trim();
        format!("a proxy that calls itself {last:?}")
    });
    let name = via
        .or_else(|| {
            headers
                .contains_key("x-squid-error")
                .then(|| "squid".to_owned())
        })
        .or_else(|| header(headers, "server").filter(|server| is_proxy(server)))?;
    let visible = name.chars().filter(|char| !char.is_control());
    Some(visible.take(LONGEST).collect())
}

/// Returns whether a `Server` header names a program that stands in front of services.
fn is_proxy(server: &str) -> bool {
    const PROXIES: &[&str] = &[
        "apache",
        "awselb",
        "caddy",
        "cloudflare",
        "envoy",
        "haproxy",
        "istio",
        "kong",
        "nginx",
        "openresty",
        "squid",
        "tengine",
        "tinyproxy",
        "traefik",
        "varnish",
    ];
    let server = server.to_ascii_lowercase();
    PROXIES.iter().any(|proxy| server.contains(proxy))
}

#[cfg(test)]
mod tests;
