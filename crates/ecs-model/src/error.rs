//! Answers that are not what was asked for: one parser for every shape that they come in.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::ErrorInfo;
use crate::lenient::from_body;

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
    /// A success that names a job, though not in a way that could be read: no code can take that back.
    names_job: bool,
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
        let object = match body.len() {
            0..=LARGEST => from_body::<Map<String, Value>>(body),
            _ => None,
        };
        let shape = match object {
            Some(object) => {
                found.read(&object);
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
            retry_after: header(headers, "retry-after"),
            location: header(headers, "location"),
            shape,
            names_job,
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

    /// The `Retry-After` header as it came: seconds or an HTTP date.
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

    /// Whether the service asks for less speed.
    pub fn is_throttling(&self) -> bool {
        self.0.status == StatusCode::TOO_MANY_REQUESTS
            || self.info().is_some_and(|info| info.disposition.throttling)
    }

    /// Whether the credentials, or what they permit, are the reason.
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
                // Gateways repeat the whole request that they refuse, which tells people nothing.
                let words = message.split("canonicalRequest:").next();
                let words = words.unwrap_or_default().trim_end_matches([' ', ',', ';']);
                write!(f, ": {words}")
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
        match self.location() {
            Some(location) => write!(f, " (points to {location:?}, not followed)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ResponseError {}

/// The id that the service gave an exchange, by its headers.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-request-id", http::HeaderValue::from_static("8c6e"));
/// assert_eq!(ecs_model::request_id(&headers).as_deref(), Some("8c6e"));
/// ```
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "x-openstack-request-id"]
        .iter()
        .find_map(|name| header(headers, name))
}

/// The first value of a header that is not blank; bytes that are not UTF-8 are replaced.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get_all(name).iter().find_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    })
}

/// What was found in a body so far.
#[derive(Default)]
struct Found {
    code: Option<String>,
    message: Option<String>,
    details: Vec<ErrorDetail>,
    request_id: Option<String>,
}

impl Found {
    const CODES: &[&str] = &["code", "error_code", "errorCode"];
    const MESSAGES: &[&str] = &["message", "error_msg", "errorMsg", "error_message"];

    /// Reads the object itself, then `error`, then any object that has a code or a message (OpenStack names it
    /// after the fault). What was found first is kept.
    fn read(&mut self, object: &Map<String, Value>) {
        self.read_flat(object);
        let inner = object.get("error").and_then(Value::as_object);
        // What a job works on may hold what looks like a code.
        let others = object.iter().filter(|(name, _)| *name != "entities");
        let others = others.filter_map(|(_, value)| value.as_object());
        for object in inner.into_iter().chain(others) {
            self.read_flat(object);
            if self.details.is_empty() {
                self.details = details(object);
            }
        }
        if self.details.is_empty() {
            self.details = details(object);
        }
        if self.message.is_none() {
            // `{"error":"words"}`
            self.message = text(object, &["error"]);
        }
        if let Some(first) = self.details.iter().find(|detail| detail.code.is_some())
            && self.code.is_none()
        {
            self.code.clone_from(&first.code);
        }
        if let Some(first) = self.details.iter().find(|detail| detail.message.is_some())
            && self.message.is_none()
        {
            self.message.clone_from(&first.message);
        }
        unswap(&mut self.code, &mut self.message);
    }

    fn read_flat(&mut self, object: &Map<String, Value>) {
        let fill = |slot: &mut Option<String>, names| {
            if slot.is_none() {
                *slot = text(object, names);
            }
        };
        fill(&mut self.code, Self::CODES);
        fill(&mut self.message, Self::MESSAGES);
        fill(&mut self.request_id, &["request_id", "requestId"]);
    }
}

/// One page of the documentation swaps code and message, and so may a service that was built from it.
fn unswap(code: &mut Option<String>, message: &mut Option<String>) {
    let is_code = |text: &Option<String>| text.as_deref().is_some_and(is_code);
    if is_code(message) && !is_code(code) {
        std::mem::swap(code, message);
    }
}

/// Whether a text is an error code beyond doubt: a known one, or a word, a dot and four digits or more.
fn is_code(text: &str) -> bool {
    let shaped = || {
        text.split_once('.').is_some_and(|(word, digits)| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphabetic())
                && digits.len() >= 4
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    ErrorInfo::of(text).is_some() || shaped()
}

fn details(object: &Map<String, Value>) -> Vec<ErrorDetail> {
    let Some(list) = object.get("details").and_then(Value::as_array) else {
        return Vec::new();
    };
    list.iter()
        .filter_map(Value::as_object)
        .map(|detail| {
            let mut code = text(detail, Found::CODES);
            let mut message = text(detail, Found::MESSAGES);
            unswap(&mut code, &mut message);
            ErrorDetail { code, message }
        })
        .filter(|detail| detail.code.is_some() || detail.message.is_some())
        .collect()
}

/// The first of the fields that holds a text that is not blank, or a number: that becomes text.
fn text(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn shape_of(body: &[u8]) -> BodyShape {
    const LOOKED_AT: usize = 4096;
    const TITLE: usize = 120;
    if body.iter().all(u8::is_ascii_whitespace) {
        return BodyShape::Empty;
    }
    let head = String::from_utf8_lossy(body.get(..LOOKED_AT).unwrap_or(body));
    let lower = head.to_ascii_lowercase();
    if !(lower.contains("<html") || lower.contains("<!doctype html")) {
        return BodyShape::Other;
    }
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        let words: Vec<&str> = head.get(start..end)?.split_whitespace().collect();
        let title: String = words.join(" ").chars().take(TITLE).collect();
        (!title.is_empty()).then_some(title)
    });
    BodyShape::Html(title)
}

#[cfg(test)]
mod tests;
