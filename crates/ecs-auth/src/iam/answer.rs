//! Answers of IAM.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde_json::Value;

use crate::exchange::unavailable;
use crate::{AuthError, Credentials};

/// A project: a region, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Project {
    /// The id, as used in paths.
    pub id: String,
    /// The name, for example `eu-de` or `eu-de_staging`.
    pub name: String,
}

impl Project {
    pub(super) fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: text(value, "/id")?,
            name: text(value, "/name").unwrap_or_default(),
        })
    }
}

/// IAM's description of a token, without the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenInfo {
    /// The project that it is valid for, if it is scoped to one.
    pub project: Option<Project>,
    /// The domain (account) that it is valid for, if it is not scoped to a project.
    pub scope_domain: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The name of the user's domain.
    pub domain: Option<String>,
    /// The names of the roles it has.
    pub roles: Vec<String>,
    /// Expiry by IAM's clock.
    pub expires_at: Option<Timestamp>,
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    Some(value.pointer(pointer)?.as_str()?.to_owned())
}

pub(super) struct Token {
    pub(super) credentials: Credentials,
    pub(super) info: TokenInfo,
    pub(super) lifetime: Option<Duration>,
}

/// Reads a token from its header, and its description from the body, which may be missing.
pub(super) fn read_token(
    response: &Response<Bytes>,
    now: Timestamp,
    service: &str,
) -> Result<Token, AuthError> {
    let token = response
        .headers()
        .get("x-subject-token")
        .and_then(|token| token.to_str().ok())
        .ok_or_else(|| {
            let status = response.status().as_u16();
            unavailable(format!(
                "{service} answered {status}, but without a token: is this the address of IAM?"
            ))
        })?;
    let mut credentials = Credentials::token(token)?;
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let time = |pointer| text(&body, pointer)?.parse::<Timestamp>().ok();
    let expires_at = time("/token/expires_at");
    if let Some(end) = expires_at {
        credentials = credentials.with_end(end);
    }
    // By IAM's own clock, if the answer has it: the local one may be wrong.
    let issued_at = time("/token/issued_at").unwrap_or(now);
    let lifetime = expires_at.map(|end| {
        let left = end.duration_since(issued_at);
        Duration::try_from(left).unwrap_or_default()
    });
    if lifetime == Some(Duration::ZERO) {
        return Err(unavailable(format!(
            "{service} gave a token that has expired already"
        )));
    }
    Ok(Token {
        credentials,
        info: info(&body),
        lifetime,
    })
}

/// Reads the description of a token from the answer to a lookup.
pub(super) fn read_info(body: &[u8], service: &str) -> Result<TokenInfo, AuthError> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if !body.pointer("/token").is_some_and(Value::is_object) {
        return Err(unavailable(format!(
            "{service} answered without a description of the token"
        )));
    }
    Ok(info(&body))
}

fn info(body: &Value) -> TokenInfo {
    let roles = body.pointer("/token/roles").and_then(Value::as_array);
    TokenInfo {
        project: body.pointer("/token/project").and_then(Project::read),
        scope_domain: text(body, "/token/domain/name").or_else(|| text(body, "/token/domain/id")),
        user: text(body, "/token/user/name"),
        domain: text(body, "/token/user/domain/name"),
        roles: roles
            .into_iter()
            .flatten()
            .filter_map(|role| text(role, "/name"))
            .collect(),
        expires_at: text(body, "/token/expires_at").and_then(|time| time.parse().ok()),
    }
}
