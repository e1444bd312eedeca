//! Operations as values: how to encode a request and decode its answer. No I/O.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lenient::{Plain, from_body_fast};
use crate::{
    Job, JobId, ProjectId, ResponseError, ScalingGroupsPage, ScalingInstancesPage, ServerActions,
    ServersPage, ShownServer, TracesPage, request_id,
};

/// The safety of sending a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// A read: it may be repeated freely.
    Idempotent,
    /// An action: each acceptance is executed anew.
    NotIdempotent,
}

/// A request of the API that encodes itself and decodes its answer.
///
/// ```
/// use ecs_model::{Operation, ShowJob};
///
/// let request = ShowJob::new("ff80808288d41e1b018990260955686a".parse()?)
///     .encode(&"5dd3c0b24cdc4d31952c49589182a89d".parse()?);
/// assert_eq!(
///     request.uri(),
///     "/v1/5dd3c0b24cdc4d31952c49589182a89d/jobs/ff80808288d41e1b018990260955686a"
/// );
/// # Ok::<_, ecs_model::ParseIdError>(())
/// ```
pub trait Operation {
    /// The vendor's name of the operation.
    const NAME: &'static str;
    /// The HTTP method.
    const METHOD: Method;
    /// The safety of sending the request again.
    const IDEMPOTENCY: Idempotency;
    /// The content of a successful answer.
    type Output;

    /// Encodes the request. Its URI has only path and query: the endpoint is the caller's.
    fn encode(&self, project: &ProjectId) -> http::Request<Bytes>;

    /// Decodes an answer.
    ///
    /// # Errors
    /// Fails for every answer that is not a readable success.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self::Output, ResponseError>;
}

/// An accepted action: the job that carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The job to watch.
    pub job_id: JobId,
    /// The id of the exchange, if the service gave one.
    pub request_id: Option<String>,
}

/// The number of headers of a request when it is sent, so that their map does not grow.
const HEADERS: usize = 12;

/// Builds the request of an operation from its parts; those of the path are joined. The parts are ids and encoded texts, so the
/// URI is valid unless it is longer than any server accepts (64 KiB). Then it is `/`, which no
/// operation has: the request is refused and never does more than intended.
pub(crate) fn request(
    method: Method,
    path: &[&str],
    query: &str,
    body: Option<Vec<u8>>,
) -> http::Request<Bytes> {
    let mut uri = path.concat();
    if !query.is_empty() {
        uri.push('?');
        uri.push_str(query);
    }
    let mut request = http::Request::new(Bytes::from(body.unwrap_or_default()));
    *request.method_mut() = method;
    *request.uri_mut() = http::Uri::try_from(uri).unwrap_or_default();
    request.headers_mut().reserve(HEADERS);
    let json = http::HeaderValue::from_static("application/json");
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, json.clone());
    request.headers_mut().insert(header::ACCEPT, json);
    request
}

/// Percent-encodes a text for a path segment or a query value: all but the unreserved characters of
/// RFC 3986.
pub(crate) fn percent_encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_unreserved) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Cow::Owned(encoded)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// Reverses [`percent_encode`]; `None` if an escape is broken or the result is not UTF-8.
#[cfg(any(test, feature = "server"))]
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Decodes the answer to an action: a success with a readable job id is an acceptance, whatever
/// else it holds.
pub(crate) fn decode_accepted(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Accepted, ResponseError> {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "crate::lenient::scalar")]
        job_id: Option<JobId>,
    }
    if !status.is_success() {
        return Err(ResponseError::parse(status, headers, body));
    }
    match crate::lenient::from_body::<Body>(body).and_then(|body| body.job_id) {
        Some(job_id) => Ok(Accepted {
            job_id,
            request_id: request_id(headers),
        }),
        None => Err(ResponseError::unreadable(status, headers, body)),
    }
}

/// Decodes the answer to a query: a success whose body holds the requested object.
pub(crate) fn decode_found<T: DeserializeOwned + Plain + Found>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, ResponseError> {
    if !status.is_success() {
        return Err(ResponseError::parse(status, headers, body));
    }
    match from_body_fast::<T>(body) {
        Some(found) if found.is_found() => Ok(found),
        _ => Err(ResponseError::unreadable(status, headers, body)),
    }
}

/// A decoded body that may lack the requested object.
pub(crate) trait Found {
    fn is_found(&self) -> bool;
}

impl Found for Job {
    /// Returns whether the job has a status. Without one it is an error in disguise: the job query
    /// answers 200 with `code` and `message`.
    fn is_found(&self) -> bool {
        self.status.is_some()
    }
}

impl Found for ServersPage {
    fn is_found(&self) -> bool {
        self.servers.is_some()
    }
}

impl Found for ScalingGroupsPage {
    fn is_found(&self) -> bool {
        self.scaling_groups.is_some()
    }
}

impl Found for ScalingInstancesPage {
    fn is_found(&self) -> bool {
        self.scaling_group_instances.is_some()
    }
}

impl Found for ServerActions {
    fn is_found(&self) -> bool {
        self.instance_actions.is_some()
    }
}

impl Found for TracesPage {
    fn is_found(&self) -> bool {
        self.traces.is_some()
    }
}

impl Found for ShownServer {
    fn is_found(&self) -> bool {
        self.server.is_some()
    }
}

#[cfg(test)]
mod tests;
