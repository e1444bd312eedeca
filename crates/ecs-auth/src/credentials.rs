//! What proves who we are.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::signer::{self, AUTH_TOKEN};
use crate::{AccessKey, AuthError, AuthErrorKind};

/// Credentials, ready to go into a request. `Debug` masks them; a clone shares them, and the last one overwrites them.
///
/// ```
/// use ecs_auth::Credentials;
///
/// let credentials = Credentials::token("MIIDkg…".replace('…', ""))?;
/// assert!(!format!("{credentials:?}").contains("MIIDkg"));
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Arc<Kind>);

enum Kind {
    Token(SecretString),
    AccessKey(AccessKey),
}

impl Credentials {
    /// A token that IAM issued for the project, sent as `X-Auth-Token`.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] if it is empty or has characters that a header cannot hold. The token is not in the error.
    pub fn token(token: impl Into<String>) -> Result<Self, AuthError> {
        let token = SecretString::from(token.into());
        if token.expose_secret().is_empty() {
            return Err(AuthError::new(
                AuthErrorKind::Malformed,
                "the token is empty",
            ));
        }
        if !token
            .expose_secret()
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(AuthError::new(
                AuthErrorKind::Malformed,
                "the token has characters that no token has: was it cut or pasted with a line break?",
            ));
        }
        Ok(Self(Arc::new(Kind::Token(token))))
    }

    /// A pair of keys, with which each request is signed.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ecs_auth::{AccessKey, Credentials};
    ///
    /// let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")?;
    /// let mut request = http::Request::get("https://ecs.example/v1/p/jobs/j").body(Bytes::new())?;
    /// Credentials::access_key(key).authenticate(&mut request, "2026-11-23T12:59:00Z".parse()?);
    /// assert!(request.headers()["authorization"].to_str()?.starts_with("SDK-HMAC-SHA256 Access=QTWAO"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_key(key: AccessKey) -> Self {
        Self(Arc::new(Kind::AccessKey(key)))
    }

    /// The access key, if that is what these are: a name, not a secret.
    pub fn access_key_id(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Token(_) => None,
            Kind::AccessKey(key) => Some(key.id()),
        }
    }

    /// Whether a service would take these for those: the same token, or the same keys.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&*self.0, &*other.0) {
            _ if Arc::ptr_eq(&self.0, &other.0) => true,
            (Kind::Token(one), Kind::Token(other)) => {
                let (one, other) = (one.expose_secret(), other.expose_secret());
                one.as_bytes().ct_eq(other.as_bytes()).into()
            }
            (Kind::AccessKey(one), Kind::AccessKey(other)) => one.is_same(other),
            _ => false,
        }
    }

    /// Puts the proof into the request, replacing any older one: the last thing that is done to it before it is sent. With a
    /// key, `now` is the time of signing, and what is signed is described at [`sign`](crate::sign): put `X-Project-Id` in
    /// before.
    pub fn authenticate(&self, request: &mut http::Request<Bytes>, now: Timestamp) {
        match &*self.0 {
            Kind::Token(token) => {
                signer::remove_proof(request);
                signer::insert(request, AUTH_TOKEN, token.expose_secret(), true);
            }
            Kind::AccessKey(key) => {
                signer::sign(request, key, now);
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Token(_) => f.write_str("Credentials::Token(<masked>)"),
            Kind::AccessKey(key) => write!(f, "Credentials::AccessKey({key:?})"),
        }
    }
}

#[cfg(test)]
mod tests;
