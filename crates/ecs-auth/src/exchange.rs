//! One request to a service that gives credentials.

use std::time::Duration;

use bytes::Bytes;
use ecs_transport::{Attempt, Transport};
use http::header::DATE;
use http::{HeaderMap, Request, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;
use tracing::info;
use zeroize::Zeroizing;

use crate::error::Refusal;
use crate::{AuthError, AuthErrorKind, Echo, Signed};

/// The extra time in which a transport may report its own, more precise error.
const GRACE: Duration = Duration::from_secs(1);

/// The largest part of a service's message that is repeated, in characters.
const MAX_MESSAGE: usize = 300;

/// Sends the request once. `service` names the service in messages.
///
/// # Errors
/// [`AuthErrorKind::Unavailable`] without an answer.
pub(crate) async fn exchange(
    transport: &dyn Transport,
    request: Request<Bytes>,
    timeout: Duration,
    service: &str,
) -> Result<Response<Bytes>, AuthError> {
    let attempt = Attempt::first().with_timeout(timeout);
    // No request id: the service may have put a secret of the request into it, which is not known
    // here.
    let (method, uri, began) = (
        request.method().clone(),
        request.uri().clone(),
        Instant::now(),
    );
    let exchange = transport.send(request, &attempt);
    let answer = tokio::time::timeout(timeout.saturating_add(GRACE), exchange).await;
    let status = match &answer {
        Ok(Ok(response)) => Some(response.status().as_u16()),
        _ => None,
    };
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(%method, path = uri.path(), status, ms, "request for credentials ended");
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => {
            Err(unavailable(format!("{service} could not be queried")).with_source(error))
        }
        Err(_) => Err(unavailable(format!(
            "{service} did not answer within {timeout:?}"
        ))),
    }
}

pub(crate) fn unavailable(message: impl Into<String>) -> AuthError {
    AuthError::new(AuthErrorKind::Unavailable, message)
}

/// Converts an answer that is not a success to an error. Its message is repeated with secrets
/// masked by `mask`: a service may echo parts of the request.
pub(crate) fn refusal(
    service: &str,
    response: &Response<Bytes>,
    signed: Option<&Signed>,
    mask: impl Fn(&str) -> String,
) -> AuthError {
    let status = response.status();
    let kind = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => AuthErrorKind::Unavailable,
        _ if status.is_server_error() => AuthErrorKind::Unavailable,
        _ => AuthErrorKind::Refused,
    };
    let mut message = format!("{service} answered {}", status.as_u16());
    let (code, message_text) = code_and_message(response.body(), status.as_str());
    let echo = signed.map(|signed| {
        let message_text = message_text.as_deref().unwrap_or_default();
        signed.canonical_request().compare_with_echo(message_text)
    });
    let masked = |text: Option<String>| text.map(|text| printable(&mask(&text)));
    let (code, message_text) = (masked(code), masked(message_text));
    let short = message_text.as_deref().map(Echo::remove_from);
    let parts = [code.as_deref(), short];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        let parts: String = parts.join(": ").chars().take(MAX_MESSAGE).collect();
        message.push_str(&format!(": {parts}"));
    }
    let id = response.headers().get("x-request-id");
    if let Some(id) = id.and_then(|id| id.to_str().ok()) {
        message.push_str(&format!(" (request {id})"));
    }
    AuthError::new(kind, message).with_refusal(Refusal {
        status: status.as_u16(),
        code,
        message: message_text,
        time: date(response.headers()),
        echo,
    })
}

/// Returns a function that masks these secrets in a text, also in the escapes of JSON and of
/// addresses.
pub(crate) fn without(secrets: &[&str]) -> impl Fn(&str) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    let secrets: Vec<Zeroizing<String>> = secrets
        .flat_map(|secret| {
            let quoted = Zeroizing::new(serde_json::to_string(secret).unwrap_or_default());
            let escaped = quoted
                .strip_prefix('"')
                .and_then(|quoted| quoted.strip_suffix('"'));
            let escaped = escaped.unwrap_or_default().to_owned();
            let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            [escaped, encoded, (*secret).to_owned()].map(Zeroizing::new)
        })
        .filter(|form| !form.is_empty())
        .collect();
    move |text| {
        let masked = |text: String, secret: &Zeroizing<String>| text.replace(&***secret, "***");
        secrets.iter().fold(text.to_owned(), masked)
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let dates = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    dates.parse_timestamp(date).ok()
}

/// Returns code and message from the forms that IAM, the gateway and OpenStack use. A code that
/// merely repeats the status is omitted.
fn code_and_message(body: &[u8], status: &str) -> (Option<String>, Option<String>) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
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
    (code, text(["error_msg", "message", "errorMsg"]))
}

fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).collect()
}

#[cfg(test)]
mod tests;
