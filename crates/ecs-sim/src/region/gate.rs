//! Authentication and authorization, as by the gateway in front of the services.

use bytes::Bytes;
use ecs_auth::{VerifyError, VerifyErrorKind, verify};
use http::{Request, StatusCode};
use jiff::Timestamp;

use super::Region;
use crate::admission::{Caller, KeyState, Scope, TokenState};
use crate::answer::Answer;

/// The reason why a caller is refused.
#[derive(Debug)]
pub(super) enum CallerError {
    /// No token and no signature.
    NoCredentials,
    /// A token that was never issued here.
    UnknownToken,
    /// An expired token.
    ExpiredToken,
    /// A refused signature, and the message.
    Signature(String),
}

impl CallerError {
    /// Returns the answer of the gateway and the service.
    pub(super) fn into_service_answer(self) -> Answer {
        match self {
            Self::UnknownToken => Answer::Error(
                StatusCode::UNAUTHORIZED,
                "Common.0013",
                "the token is not valid here".to_owned(),
            ),
            Self::NoCredentials => not_authenticated("x-auth-token not found"),
            Self::ExpiredToken => not_authenticated("token expires"),
            Self::Signature(reason) => not_authenticated(&reason),
        }
    }

    /// Returns the answer of IAM. Signatures are refused by the gateway in front of it.
    pub(super) fn into_iam_answer(self) -> Answer {
        let reason = match self {
            Self::NoCredentials => "this needs a token or a signature",
            Self::UnknownToken => "the token is not known",
            Self::ExpiredToken => "the token has expired",
            Self::Signature(reason) => return not_authenticated(&reason),
        };
        Answer::Keystone(StatusCode::UNAUTHORIZED, reason.to_owned())
    }
}

fn not_authenticated(reason: &str) -> Answer {
    let message = format!("Incorrect IAM authentication information: {reason}");
    Answer::Gateway(StatusCode::UNAUTHORIZED, "APIGW.0301", message)
}

impl Region {
    /// Authenticates the caller: by token, or by signature if there is no token.
    pub(super) fn admit(&mut self, request: &Request<Bytes>) -> Result<Caller, CallerError> {
        const SIGNED: &[u8] = b"SDK-HMAC-SHA256";
        let headers = request.headers();
        match (headers.get("x-auth-token"), headers.get("authorization")) {
            (Some(token), _) => self.admit_token(token.as_bytes()),
            (None, Some(signature)) if signature.as_bytes().starts_with(SIGNED) => {
                self.admit_signed(request).map_err(CallerError::Signature)
            }
            (None, _) => Err(CallerError::NoCredentials),
        }
    }

    pub(super) fn admit_token(&self, token: &[u8]) -> Result<Caller, CallerError> {
        if self.identity.accepts_token(token) {
            return Ok(Caller {
                scope: Scope::Project,
                ends: None,
            });
        }
        let token = std::str::from_utf8(token).unwrap_or_default();
        match self.admission.token(token, self.now) {
            TokenState::Unknown => Err(CallerError::UnknownToken),
            TokenState::Ended => Err(CallerError::ExpiredToken),
            TokenState::Good(scope, end) => Ok(Caller {
                scope,
                ends: Some(end),
            }),
        }
    }

    fn admit_signed(&mut self, request: &Request<Bytes>) -> Result<Caller, String> {
        let now = self.now;
        let mut id = String::new();
        let verified = verify(request, self.signing_time(), |asked| {
            asked.clone_into(&mut id);
            let key = self.admission.key(asked)?;
            (key.state(now) == KeyState::Valid).then_some(&key.pair)
        });
        // `None` if the signature is unreadable.
        let key = self.admission.key_mut(&id);
        match (verified, key) {
            (Ok(_), Some(key)) => {
                key.count_right();
                // A request that is signed for another project belongs to that project.
                let project = request.headers().get("x-project-id");
                let own =
                    project.is_none_or(|project| project == self.identity.project_id.as_str());
                Ok(Caller {
                    scope: if own { Scope::Project } else { Scope::Unscoped },
                    ends: key.ends,
                })
            }
            (Err(error), Some(key)) => match key.state(now) {
                KeyState::Locked => {
                    Err("AK access failed to reach the limit,forbidden.".to_owned())
                }
                KeyState::Expired => Err("the security token has expired".to_owned()),
                KeyState::Valid => {
                    if error.kind() == VerifyErrorKind::Mismatch {
                        key.count_wrong(now);
                    }
                    Err(reason_of(&error, &id))
                }
            },
            (Err(error), None) => Err(reason_of(&error, &id)),
            // Unreachable: a verified signature has a key.
            (Ok(_), None) => Err("the key is gone".to_owned()),
        }
    }
}

/// Returns the gateway's message if it is known, else the verifier's.
fn reason_of(error: &VerifyError, id: &str) -> String {
    if error.kind() == VerifyErrorKind::UnknownKey {
        return format!("Get secretKey failed,ak:{id},err:ak not exist");
    }
    if let Some((signed_at, now)) = error.clocks() {
        let (signed_at, now) = (compact(signed_at), compact(now));
        return format!("signature expired, signature time:{signed_at},server time:{now}");
    }
    match error.canonical_request() {
        // On one line, and without the security token.
        Some(canonical) => {
            let canonical = canonical.to_string().replace('\n', "|");
            format!("verify aksk signature fail, canonicalRequest:{canonical}")
        }
        None => error.to_string(),
    }
}

/// Formats a time as `20261123T125900Z`, for `X-Sdk-Date`.
fn compact(time: Timestamp) -> String {
    let text = format!("{time:.0}");
    text.replace(['-', ':'], "")
}
