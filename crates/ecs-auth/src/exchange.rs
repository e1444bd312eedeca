//! One question to a service that gives credentials.

use std::time::Duration;

use bytes::Bytes;
use ecs_transport::{Attempt, Transport};
use http::{Request, Response, StatusCode};
use serde_json::Value;

use crate::{AuthError, AuthErrorKind};

/// Beyond its own limit a transport gets this long to say itself why it failed: its words are better than ours.
const GRACE: Duration = Duration::from_secs(1);

/// How much of somebody else's message is repeated.
const MAX_MESSAGE: usize = 300;

/// Sends the request once. `who` is asked, as in "who could not be asked".
///
/// # Errors
/// [`AuthErrorKind::Unavailable`] without an answer.
pub(crate) async fn exchange(
    transport: &dyn Transport,
    request: Request<Bytes>,
    timeout: Duration,
    who: &str,
) -> Result<Response<Bytes>, AuthError> {
    let attempt = Attempt::first().with_timeout(timeout);
    let exchange = transport.send(request, &attempt);
    match tokio::time::timeout(timeout.saturating_add(GRACE), exchange).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(unavailable(format!("{who} could not be asked")).with_source(error)),
        Err(_) => Err(unavailable(format!(
            "{who} did not answer within {timeout:?}"
        ))),
    }
}

pub(crate) fn unavailable(message: impl Into<String>) -> AuthError {
    AuthError::new(AuthErrorKind::Unavailable, message)
}

/// What an answer that is no success means. Its words are repeated, but for these secrets, which a service that echoes
/// what it got would put into them.
pub(crate) fn refusal(who: &str, response: &Response<Bytes>, secrets: &[&str]) -> AuthError {
    let status = response.status();
    let kind = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => AuthErrorKind::Unavailable,
        _ if status.is_server_error() => AuthErrorKind::Unavailable,
        _ => AuthErrorKind::Refused,
    };
    let mut message = format!("{who} answered {}", status.as_u16());
    if let Some(words) = words(response.body(), status.as_str()) {
        message.push_str(&format!(": {}", masked(words, secrets)));
    }
    let id = response.headers().get("x-request-id");
    if let Some(id) = id.and_then(|id| id.to_str().ok()) {
        message.push_str(&format!(" (request {id})"));
    }
    AuthError::new(kind, message)
}

/// `code: message` out of the forms that IAM, the gateway and OpenStack use. A code that is only the status again is left out.
fn words(body: &[u8], status: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let inner = body.get("error").filter(|inner| inner.is_object());
    let error = inner.unwrap_or(&body);
    let text = |names: [&str; 3]| {
        names.iter().find_map(|name| match error.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let code = text(["error_code", "code", "errorCode"]).filter(|code| code != status);
    let message = text(["error_msg", "message", "errorMsg"]);
    match (code, message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    }
}

fn masked(words: String, secrets: &[&str]) -> String {
    let words = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(words, |words, secret| words.replace(secret, "***"));
    let printable = words.chars().filter(|char| !char.is_control());
    printable.take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests;
