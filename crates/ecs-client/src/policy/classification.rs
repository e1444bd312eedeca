//! Classification of the outcome of an attempt.
//!
//! The rules for actions are the table of `docs/decisions/0001-what-an-answer-proves.md`.

use ecs_model::{AnswerOrigin, Executed, Idempotency, ResponseError, ResponseErrorKind};
use ecs_transport::{Delivery, TransportError, TransportErrorKind};
use http::StatusCode;

/// The outcome of an attempt, as far as the classification needs it.
#[derive(Clone, Copy, Debug)]
pub enum AttemptOutcome<'a> {
    /// The answer is a success.
    Success,
    /// The answer is an error.
    Answered(&'a ResponseError),
    /// A redirect of the whole site: the same path and query at another origin.
    Redirected,
    /// No complete answer arrived: the transport failed, or the attempt timed out.
    Failed(&'a TransportError),
}

/// The classification of an attempt's outcome: what it proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classification {
    /// The request was executed.
    Done,
    /// Certain: the service did not receive it.
    NotDelivered,
    /// Certain: the service did not receive it and will not: the whole site has moved, or a proxy
    /// wants credentials before it forwards anything.
    NotForwarded,
    /// Certain: the service did not execute it because of its rate limit.
    Throttled,
    /// Certain: the service did not execute it and will not.
    Refused,
    /// Certain: not executed because of the credentials or their permissions.
    RefusedCredentials,
    /// A read failed in a way that may pass.
    Transient,
    /// An action may or may not have been executed.
    Unknown,
}

impl Classification {
    /// Returns whether it is certain that the request was not executed.
    pub fn proves_not_executed(self) -> bool {
        match self {
            Self::NotDelivered
            | Self::NotForwarded
            | Self::Throttled
            | Self::Refused
            | Self::RefusedCredentials => true,
            Self::Done | Self::Transient | Self::Unknown => false,
        }
    }
}

/// Classifies what an outcome proves.
///
/// ```
/// use ecs_model::{Idempotency, ResponseError};
/// use ecs_client::policy::{AttemptOutcome, Classification, classify};
/// use http::{HeaderMap, StatusCode};
///
/// // A page of a proxy, which may have replaced the answer of the service after it executed the request.
/// let page = ResponseError::parse(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), b"<html>");
/// let outcome = AttemptOutcome::Answered(&page);
/// assert_eq!(classify(Idempotency::NotIdempotent, outcome), Classification::Unknown);
/// assert_eq!(classify(Idempotency::Idempotent, outcome), Classification::Throttled);
///
/// let body = br#"{"error":{"code":"Common.1503","message":"flow control"}}"#;
/// let service = ResponseError::parse(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
/// let outcome = AttemptOutcome::Answered(&service);
/// assert_eq!(classify(Idempotency::NotIdempotent, outcome), Classification::Throttled);
/// ```
pub fn classify(idempotency: Idempotency, outcome: AttemptOutcome<'_>) -> Classification {
    match (idempotency, outcome) {
        (_, AttemptOutcome::Success) => Classification::Done,
        (_, AttemptOutcome::Redirected) => Classification::NotForwarded,
        (_, AttemptOutcome::Failed(error)) => classify_failure(idempotency, error),
        (_, AttemptOutcome::Answered(error)) if error.wants_proxy_credentials() => {
            Classification::NotForwarded
        }
        (Idempotency::Idempotent, AttemptOutcome::Answered(error)) => classify_read(error),
        (Idempotency::NotIdempotent, AttemptOutcome::Answered(error)) => classify_action(error),
    }
}

fn classify_failure(idempotency: Idempotency, error: &TransportError) -> Classification {
    match (error.delivery(), idempotency) {
        // The same request fails the next time too.
        (Delivery::NotSent, _) if error.kind() == TransportErrorKind::Request => {
            Classification::Refused
        }
        (Delivery::NotSent, _) => Classification::NotDelivered,
        (Delivery::MaybeSent, Idempotency::Idempotent) => Classification::Transient,
        (Delivery::MaybeSent, Idempotency::NotIdempotent) => Classification::Unknown,
    }
}

fn classify_action(error: &ResponseError) -> Classification {
    match error.status().as_u16() {
        // The two statuses that are documented for "flow limit exceeded" and "try again in a
        // minute". No other code is proof there: a layer may have sent it that did not see what
        // another one did.
        status @ (202 | 501) => match error.info() {
            Some(info)
                if info.status == Some(status)
                    && info.disposition.throttling
                    && info.disposition.executed == Executed::No =>
            {
                Classification::Throttled
            }
            _ => Classification::Unknown,
        },
        // A wait timed out at a gateway, for the client or for the service behind it.
        408 | 499 => Classification::Unknown,
        400..=498 => classify_refused_action(error),
        _ => Classification::Unknown,
    }
}

/// Classifies an action that was answered with a status from 400 to 498, except 408.
fn classify_refused_action(error: &ResponseError) -> Classification {
    let status = error.status();
    match error.origin() {
        AnswerOrigin::Service | AnswerOrigin::ApiGateway => {}
        AnswerOrigin::OverLimit => {
            let documented = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::TOO_MANY_REQUESTS];
            return if documented.contains(&status) {
                Classification::Throttled
            } else {
                Classification::Refused
            };
        }
        AnswerOrigin::ServiceWithoutCode => {
            return match status.as_u16() {
                401 | 403 | 407 | 429 => Classification::Unknown,
                _ => Classification::Refused,
            };
        }
        _ => return Classification::Unknown,
    }
    match error.info().map(|info| info.disposition) {
        Some(code) if code.executed == Executed::Maybe => Classification::Unknown,
        _ if status == StatusCode::TOO_MANY_REQUESTS => Classification::Throttled,
        Some(code) if code.throttling => Classification::Throttled,
        Some(code) if code.credentials => Classification::RefusedCredentials,
        Some(_) => Classification::Refused,
        None if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Classification::RefusedCredentials
        }
        None => Classification::Refused,
    }
}

fn classify_read(error: &ResponseError) -> Classification {
    if error.is_throttling() {
        return Classification::Throttled;
    }
    let is_server_error = matches!(error.status().as_u16(), 408 | 499 | 500..=599);
    if error.is_credentials() && !is_server_error {
        return Classification::RefusedCredentials;
    }
    let documented = error.info().map(|info| info.disposition);
    match (error.status().as_u16(), documented) {
        (408 | 499 | 500..=599, _) => Classification::Transient,
        (_, Some(code)) if code.retryable => Classification::Transient,
        (_, Some(_)) => Classification::Refused,
        (_, None) if error.kind() == ResponseErrorKind::Unreadable => Classification::Transient,
        (_, None) => Classification::Refused,
    }
}

#[cfg(test)]
mod tests;
