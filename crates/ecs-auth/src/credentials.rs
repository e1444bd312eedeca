//! Credentials, the proof of an account.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::signer::{self, AUTH_TOKEN};
use crate::{AccessKey, AuthError, AuthErrorKind, Signed};

/// The shortest secret that is masked, in bytes. Masking shorter texts would make messages
/// unreadable.
const SHORTEST: usize = 6;

/// Credentials that authenticate a request. `Debug` masks them; clones share them, and the last one
/// overwrites them on drop.
///
/// ```
/// use ecs_auth::Credentials;
///
/// let credentials = Credentials::token("MIIDkg…".replace('…', ""))?;
/// assert!(!format!("{credentials:?}").contains("MIIDkg"));
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    proof: Arc<Kind>,
    expires_at: Option<Timestamp>,
}

enum Kind {
    Token(SecretString),
    AccessKey(AccessKey),
}

impl Credentials {
    /// Creates credentials from a token that IAM issued for the project, sent as `X-Auth-Token`.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] if the token is empty or has characters that a header cannot
    /// hold. The error does not hold the token.
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
        Ok(Self::new(Kind::Token(token)))
    }

    /// Creates credentials from a pair of keys, which sign each request.
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
        Self::new(Kind::AccessKey(key))
    }

    fn new(kind: Kind) -> Self {
        Self {
            proof: Arc::new(kind),
            expires_at: None,
        }
    }

    /// Sets when the credentials expire, for display only.
    #[must_use]
    pub fn with_end(mut self, end: Timestamp) -> Self {
        self.expires_at = Some(end);
        self
    }

    /// Returns when the credentials expire, if known, by the clock of their issuer.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Returns the access key, which is not secret, if the credentials are a pair of keys.
    pub fn access_key_id(&self) -> Option<&str> {
        match &*self.proof {
            Kind::Token(_) => None,
            Kind::AccessKey(key) => Some(key.id()),
        }
    }

    /// Returns the token as a header value, if the credentials are a token.
    pub(crate) fn token_header(&self) -> Option<HeaderValue> {
        let Kind::Token(token) = &*self.proof else {
            return None;
        };
        let mut value = HeaderValue::from_str(token.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns whether the credentials are equal to a service: the same token, or the same keys.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&*self.proof, &*other.proof) {
            _ if Arc::ptr_eq(&self.proof, &other.proof) => true,
            (Kind::Token(one), Kind::Token(other)) => {
                let (one, other) = (one.expose_secret(), other.expose_secret());
                one.as_bytes().ct_eq(other.as_bytes()).into()
            }
            (Kind::AccessKey(one), Kind::AccessKey(other)) => one.is_same(other),
            _ => false,
        }
    }

    /// Authenticates the request, replacing any older proof. This must be the last change before it
    /// is sent. With a key, `now` is the time of signing; [`sign`](crate::sign) describes what is
    /// signed, so insert `X-Project-Id` before. Returns the signed parts, to compare them with what
    /// a service read.
    pub fn authenticate(
        &self,
        request: &mut http::Request<Bytes>,
        now: Timestamp,
    ) -> Option<Signed> {
        match &*self.proof {
            Kind::Token(token) => {
                signer::remove_proof(request);
                signer::insert(request, &AUTH_TOKEN, token.expose_secret(), true);
                None
            }
            Kind::AccessKey(key) => Some(signer::sign(request, key, now)),
        }
    }

    /// Masks the secrets of these credentials in a text of a service that received them: services
    /// repeat parts of a request in their messages.
    ///
    /// ```
    /// let credentials = ecs_auth::Credentials::token("MIIDkgAAAA")?;
    /// assert_eq!(credentials.mask("no such token: MIIDkgAAAA"), "no such token: ***");
    /// # Ok::<_, ecs_auth::AuthError>(())
    /// ```
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let (one, other) = match &*self.proof {
            Kind::Token(token) => (Some(token.expose_secret()), None),
            Kind::AccessKey(key) => (key.secret_text(), key.security_token()),
        };
        let secrets = [one, other].into_iter().flatten();
        secrets.filter(|secret| secret.len() >= SHORTEST).fold(
            Cow::Borrowed(text),
            |text, secret| {
                if text.contains(secret) {
                    Cow::Owned(text.replace(secret, "***"))
                } else {
                    text
                }
            },
        )
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.proof {
            Kind::Token(_) => f.write_str("Credentials::Token(<masked>)"),
            Kind::AccessKey(key) => write!(f, "Credentials::AccessKey({key:?})"),
        }
    }
}

#[cfg(test)]
mod tests;
