//! Parsing of requests, as a service does it: the reverse of
//! [`Operation::encode`](crate::Operation::encode).

use std::fmt;

use crate::operation::percent_decode;
use crate::validate::{ValidationError, Violation};
use crate::{ParseIdError, ProjectId};

/// The error for a request that is not a valid operation.
///
/// ```
/// use bytes::Bytes;
/// use ecs_model::{AnyOperation, RequestErrorKind};
///
/// let request = http::Request::get("/v1/p/flavors").body(Bytes::new())?;
/// let error = AnyOperation::from_request(&request).unwrap_err();
/// assert_eq!(error.kind(), RequestErrorKind::NoSuchPath);
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    kind: RequestErrorKind,
    violations: Option<ValidationError>,
}

/// The classes of [`RequestError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// No operation has this path.
    NoSuchPath,
    /// The path exists, with other methods.
    NoSuchMethod,
    /// The operation exists, but its parameters or its body are invalid.
    Invalid,
}

impl RequestError {
    pub(crate) fn no_such_path() -> Self {
        Self {
            kind: RequestErrorKind::NoSuchPath,
            violations: None,
        }
    }

    pub(crate) fn no_such_method() -> Self {
        Self {
            kind: RequestErrorKind::NoSuchMethod,
            violations: None,
        }
    }

    /// Returns the class.
    pub fn kind(&self) -> RequestErrorKind {
        self.kind
    }

    /// Returns the violations, if the operation exists.
    pub fn violations(&self) -> &[Violation] {
        self.violations
            .as_ref()
            .map_or(&[], ValidationError::violations)
    }
}

impl From<ValidationError> for RequestError {
    fn from(violations: ValidationError) -> Self {
        Self {
            kind: RequestErrorKind::Invalid,
            violations: Some(violations),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, &self.violations) {
            (RequestErrorKind::NoSuchPath, _) => f.write_str("no operation has this path"),
            (RequestErrorKind::NoSuchMethod, _) => {
                f.write_str("no operation has this method on this path")
            }
            (RequestErrorKind::Invalid, Some(violations)) => fmt::Display::fmt(violations, f),
            (RequestErrorKind::Invalid, None) => f.write_str("invalid request"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Splits a path under `/v1/{project_id}/`, `/v2.1/{project_id}/` or `/NAME/v1/{project_id}/` into
/// the part before the project, the project, and the decoded segments after it.
pub(crate) fn split(path: &str) -> Result<(String, ProjectId, Vec<String>), RequestError> {
    let decoded = |segment: &str| percent_decode(&segment.replace('+', "%2B"));
    let segments: Option<Vec<String>> = path
        .strip_prefix('/')
        .and_then(|path| path.split('/').map(decoded).collect());
    match segments.as_deref() {
        Some([version, project, rest @ ..]) if matches!(version.as_str(), "v1" | "v2.1" | "v3") => {
            Ok((
                format!("/{version}"),
                id("project_id", project)?,
                rest.to_vec(),
            ))
        }
        Some([name, version, project, rest @ ..]) if version == "v1" => Ok((
            format!("/{name}/v1"),
            id("project_id", project)?,
            rest.to_vec(),
        )),
        _ => Err(RequestError::no_such_path()),
    }
}

/// Parses an id from a path; the pointer is the parameter's name.
pub(crate) fn id<T: std::str::FromStr<Err = ParseIdError>>(
    parameter: &str,
    text: &str,
) -> Result<T, RequestError> {
    text.parse().map_err(|error: ParseIdError| {
        ValidationError::one(Violation::new(format!("/{parameter}"), error.to_string())).into()
    })
}

/// Returns the name of the body's only field, which names the action.
pub(crate) fn action_key(body: &[u8]) -> Result<String, RequestError> {
    let wrong =
        |message: String| RequestError::from(ValidationError::one(Violation::new("", message)));
    let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)
        .map_err(|error| wrong(format!("not a JSON object: {error}")))?;
    let mut keys = body.into_iter().map(|(key, _)| key);
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(wrong(
            "an object with exactly one action is needed".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
