//! Answers that are not what was asked for: one parser for every shape that they come in.

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

/// Why an answer is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The status is not a success.
    Refused,
    /// The status is a success and the body does not hold what it must: a job id, a job, a page. It may hold an
    /// error instead, whose code and message are found all the same.
    Unreadable,
}

/// What the body of an error looked like.
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

/// A part of an error that tells more, from `details` or `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// The code, if it has one.
    pub code: Option<String>,
    /// The words, if it has any.
    pub message: Option<String>,
}

/// An answer of the service, or of something before it, that is not what was asked for.
///
/// Status and request id are always kept; code and message are found in every shape that the service and its
/// gateways use. Nothing in it is secret: the body itself is not kept.
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
    /// A success that names a job, though not in a way that could be read: no code can take that back.
    names_job: bool,
    /// A `Proxy-Authenticate` header is there.
    has_proxy_challenge: bool,
}

/// The largest body that is read for what it says of an error: real ones are a few hundred bytes, and reading takes many
/// times the memory of what is read.
const LARGEST: usize = 256 * 1024;

impl ResponseError {
    /// Reads an answer as an error, whatever it is.
    pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::new(ResponseErrorKind::Refused, status, headers, body)
    }

    /// A success that does not hold what it must.
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

    /// Why the answer is an error.
    pub fn kind(&self) -> ResponseErrorKind {
        self.0.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The error code, as it came; numbers become text.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's words.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Further codes and words, if the body lists any.
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// What the service's support asks for: the id of the exchange.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The `Retry-After` header as it came: seconds or an HTTP date. Without one, the seconds that OpenStack's fault
    /// `overLimit` names in its body (`retryAfter`).
    pub fn retry_after(&self) -> Option<&str> {
        self.0.retry_after.as_deref()
    }

    /// Where a redirect points. It is never followed.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// What the body looked like.
    pub fn shape(&self) -> &BodyShape {
        &self.0.shape
    }

    /// Who made the answer, as far as its form proves that.
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

    /// The proxy or web server that the headers name, if they name one. See [`intermediary`].
    pub fn intermediary(&self) -> Option<&str> {
        self.0.intermediary.as_deref()
    }

    /// Whether a proxy wants credentials of its own before it forwards anything: 407 with `Proxy-Authenticate` (RFC 9110,
    /// section 15.5.8). Without that header the answer may be any page.
    pub fn wants_proxy_credentials(&self) -> bool {
        self.0.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.0.has_proxy_challenge
    }

    /// What the catalogue says of the code. `None` if it does not list the code, and if the answer contradicts
    /// itself: a success that names a job, in a form that cannot be read, beside a code. Such a code proves nothing.
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

    /// Whether the answer asks for fewer requests, whoever made it. Proof that the request was not executed is only an
    /// answer whose [`origin`](Self::origin) is the service or its API gateway.
    pub fn is_throttling(&self) -> bool {
        self.0.status == StatusCode::TOO_MANY_REQUESTS
            || self.0.origin == AnswerOrigin::OverLimit
            || self.info().is_some_and(|info| info.disposition.throttling)
    }

    /// Whether the credentials, or their permissions, are the reason.
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
            (None, BodyShape::Json) => f.write_str(" with a body that is not what was asked for"),
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

/// A message without the whole request that gateways repeat when they refuse it, which tells people nothing.
fn without_request(message: &str) -> &str {
    let text = message.split("canonicalRequest:").next();
    text.unwrap_or_default().trim_end_matches([' ', ',', ';'])
}

/// The pause that a fault `overLimit` names, in seconds: a number or a text.
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

/// The id that the service gave an exchange, by its headers.
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

/// The first value of a header that is not blank; bytes that are not UTF-8 are replaced.
fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    headers.get_all(name).iter().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    })
}

#[cfg(test)]
mod tests;
