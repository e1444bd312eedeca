//! Errors of answers: one parser for every form in which they come.

use std::fmt;

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Map, Value};

use self::body::{Found, shape_of};
use crate::ErrorInfo;
use crate::lenient::from_body;

pub use origin::{AnswerOrigin, intermediary};

mod body;
mod origin;

/// The reason why an answer is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The status is not a success.
    Refused,
    /// The status is a success, but the body lacks what it must hold: a job id, a job, a page. It
    /// may hold an error instead, whose code and message are found as well.
    Unreadable,
}

/// The form of an error's body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyShape {
    /// No body.
    Empty,
    /// A JSON object.
    Json,
    /// An HTML page, with its title if it has one.
    Html(Option<String>),
    /// Anything else: other JSON, text, or a body that was cut.
    Other,
}

/// A detail of an error, from `details` or `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// The code, if it has one.
    pub code: Option<String>,
    /// The message, if it has one.
    pub message: Option<String>,
}

/// An answer of the service or an intermediary that is not the expected success.
///
/// The status and the request id are always kept; code and message are found in every form that the
/// service and its gateways use. It holds no secrets: the body itself is not kept.
///
/// ```
/// use ecs_model::ResponseError;
/// use http::{HeaderMap, StatusCode};
///
/// let body = br#"{"error_code":"APIGW.0308","error_msg":"throttled","request_id":"abc"}"#;
/// let error = ResponseError::parse(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
/// assert_eq!(error.code(), Some("APIGW.0308"));
/// assert_eq!(error.request_id(), Some("abc"));
/// assert!(error.is_throttling());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ResponseErrorKind,
    status: StatusCode,
    code: Option<String>,
    message: Option<String>,
    details: Vec<ErrorDetail>,
    request_id: Option<String>,
    retry_after: Option<String>,
    location: Option<String>,
    shape: BodyShape,
    origin: AnswerOrigin,
    intermediary: Option<String>,
    /// A success that names a job in an unreadable form. No code disproves that the job exists.
    names_job: bool,
    /// `true` if a `Proxy-Authenticate` header is present.
    has_proxy_challenge: bool,
}

/// The largest body that is parsed for an error, in bytes. Real ones have a few hundred, and
/// parsing takes many times their memory.
const LARGEST: usize = 256 * 1024;

impl ResponseError {
    /// Parses any answer as an error.
    pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::new(ResponseErrorKind::Refused, status, headers, body)
    }

    /// Parses a success that does not hold what it must.
    pub(crate) fn unreadable(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::new(ResponseErrorKind::Unreadable, status, headers, body)
    }

    fn new(kind: ResponseErrorKind, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut found = Found::default();
        let mut names_job = false;
        let mut asked_pause = None;
        let object = match body.len() {
            0..=LARGEST => from_body::<Map<String, Value>>(body),
            _ => None,
        };
        let mut origin = AnswerOrigin::Unproven;
        let shape = match object {
            Some(object) => {
                found.read(&object);
                origin = AnswerOrigin::of(status, &object, found.code.as_deref(), headers);
                if origin == AnswerOrigin::OverLimit {
                    asked_pause = over_limit_pause(&object);
                }
                names_job = status.is_success()
                    && match object.get("job_id") {
                        None | Some(Value::Null) => false,
                        Some(Value::String(text)) => !text.trim().is_empty(),
                        Some(_) => true,
                    };
                BodyShape::Json
            }
            None => shape_of(body),
        };
        Self(Box::new(Inner {
            kind,
            status,
            code: found.code,
            message: found.message,
            details: found.details,
            request_id: request_id(headers).or(found.request_id),
            retry_after: header(headers, "retry-after").or(asked_pause),
            location: header(headers, "location"),
            shape,
            origin,
            intermediary: intermediary(headers),
            names_job,
            has_proxy_challenge: headers.contains_key(http::header::PROXY_AUTHENTICATE),
        }))
    }

    /// Returns why the answer is an error.
    pub fn kind(&self) -> ResponseErrorKind {
        self.0.kind
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the error code as received; numbers become text.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the service's message.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Returns further codes and messages, if the body lists any.
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// Returns the id of the exchange, for the service's support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the `Retry-After` header as received: seconds or an HTTP date. Without one, the
    /// seconds that OpenStack's fault `overLimit` names in its body (`retryAfter`).
    pub fn retry_after(&self) -> Option<&str> {
        self.0.retry_after.as_deref()
    }

    /// Returns the target of a redirect. It is never followed.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// Returns the form of the body.
    pub fn shape(&self) -> &BodyShape {
        &self.0.shape
    }

    /// Returns who made the answer, as far as its form proves that.
    ///
    /// ```
    /// use ecs_model::{AnswerOrigin, ResponseError};
    /// use http::{HeaderMap, StatusCode};
    ///
    /// let parse = |body: &str| {
    ///     ResponseError::parse(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body.as_bytes())
    /// };
    /// let service = parse(r#"{"error":{"code":"Common.1503","message":"flow control"}}"#);
    /// assert_eq!(service.origin(), AnswerOrigin::Service);
    /// let gateway = parse(r#"{"error_code":"APIGW.0308","error_msg":"throttled"}"#);
    /// assert_eq!(gateway.origin(), AnswerOrigin::ApiGateway);
    /// // A proxy in between may have made this one, also after the service acted.
    /// assert_eq!(parse("<h1>429 Too Many Requests</h1>").origin(), AnswerOrigin::Unproven);
    /// ```
    pub fn origin(&self) -> AnswerOrigin {
        self.0.origin
    }

    /// Returns the proxy or web server that the headers name, if they name one. See
    /// [`intermediary`].
    pub fn intermediary(&self) -> Option<&str> {
        self.0.intermediary.as_deref()
    }

    /// Returns whether a proxy wants credentials of its own before it forwards anything: 407 with
    /// `Proxy-Authenticate` (RFC 9110, section 15.5.8). Without that header the answer may be any
    /// page.
    pub fn wants_proxy_credentials(&self) -> bool {
        self.0.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.0.has_proxy_challenge
    }

    /// Returns the catalogue's entry of the code. `None` if the code is not listed, or if the
    /// answer contradicts itself: a success that names a job in an unreadable form beside a code.
    /// Such a code proves nothing.
    ///
    /// ```
    /// use ecs_model::ResponseError;
    /// use http::{HeaderMap, StatusCode};
    ///
    /// let refused = br#"{"error":{"code":"Common.0024","message":"too many requests"}}"#;
    /// let error = ResponseError::parse(StatusCode::ACCEPTED, &HeaderMap::new(), refused);
    /// assert!(error.info().is_some_and(|info| info.disposition.throttling));
    ///
    /// let unclear = br#"{"job_id":[],"error":{"code":"Common.0024","message":"too many requests"}}"#;
    /// let error = ResponseError::parse(StatusCode::ACCEPTED, &HeaderMap::new(), unclear);
    /// assert_eq!(error.code(), Some("Common.0024"));
    /// assert!(error.info().is_none());
    /// ```
    pub fn info(&self) -> Option<&'static ErrorInfo> {
        if self.0.names_job {
            return None;
        }
        self.code().and_then(ErrorInfo::of)
    }

    /// Returns whether the answer is a throttling, whoever made it. It proves that the request was
    /// not executed only if its [`origin`](Self::origin) is the service or its API gateway.
    pub fn is_throttling(&self) -> bool {
        self.0.status == StatusCode::TOO_MANY_REQUESTS
            || self.0.origin == AnswerOrigin::OverLimit
            || self.info().is_some_and(|info| info.disposition.throttling)
    }

    /// Returns whether the credentials or their permissions are the reason.
    pub fn is_credentials(&self) -> bool {
        match self.info() {
            Some(info) => info.disposition.credentials,
            None => matches!(
                self.0.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ),
        }
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.0.status.as_u16())?;
        if let Some(code) = self.code() {
            write!(f, " {code}")?;
        }
        match (self.message(), &self.0.shape) {
            (Some(message), _) => {
                write!(f, ": {}", without_request(message))
            }
            (None, BodyShape::Empty) => f.write_str(" with an empty body"),
            (None, BodyShape::Html(Some(title))) => {
                write!(f, " with an HTML page titled {title:?}")
            }
            (None, BodyShape::Html(None)) => f.write_str(" with an HTML page"),
            (None, BodyShape::Json) if self.code().is_some() => Ok(()),
            (None, BodyShape::Json) => f.write_str(" with an unexpected body"),
            (None, BodyShape::Other) => f.write_str(" with a body that is not a JSON object"),
        }?;
        if let Some(location) = self.location() {
            write!(f, " (points to {location:?}, not followed)")?;
        }
        match self.intermediary() {
            Some(name) if !self.0.origin.is_proven() => write!(f, " (answered by {name})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ResponseError {}

/// Returns a message without the complete request that gateways repeat when they refuse it, which is noise.
fn without_request(message: &str) -> &str {
    let text = message.split("canonicalRequest:").next();
    text.unwrap_or_default().trim_end_matches([' ', ',', ';'])
}

/// Returns the pause of an `overLimit` fault, in seconds, from a number or a text.
fn over_limit_pause(object: &Map<String, Value>) -> Option<String> {
    match object.get("overLimit")?.get("retryAfter")? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => {
            let seconds = number
                .as_f64()
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
            Some(format!("{:.0}", seconds.ceil()))
        }
        _ => None,
    }
}

/// Returns the service's id of an exchange, from its headers.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-request-id", http::HeaderValue::from_static("8c6e"));
/// assert_eq!(ecs_model::request_id(&headers).as_deref(), Some("8c6e"));
/// ```
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_IDS.iter().find_map(|name| header(headers, name))
}

static REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-openstack-request-id"),
];

/// Returns the first value of a header that is not blank. Bytes that are not UTF-8 are replaced.
fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    headers.get_all(name).iter().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = text.trim_ascii();
        (!text.is_empty()).then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests;
