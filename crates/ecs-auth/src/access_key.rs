//! A pair of keys to sign with.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{AuthError, AuthErrorKind};

/// An access key (AK) and its secret key (SK), with the security token that a temporary pair has. `Debug` shows the
/// access key only; what is secret is overwritten on drop.
///
/// ```
/// use ecs_auth::AccessKey;
///
/// let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")?;
/// assert_eq!(key.id(), "QTWAOYTTINDUT2QVKYUC");
/// assert!(!format!("{key:?}").contains("MFyf"));
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
}

impl AccessKey {
    /// Creates a permanent pair.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] if one of them is empty or has characters that no such key has: mostly the trace of
    /// a line break or a space that was pasted along. Neither key is in the error.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Self, AuthError> {
        // Wrapped first, so that it is overwritten also where it is refused.
        let secret = SecretString::from(secret.into());
        let id = id.into();
        check("access key", &id)?;
        // These separate the parts of the header that carries it.
        if id.contains([',', '/', '=']) {
            return Err(malformed("access key"));
        }
        check("secret key", secret.expose_secret())?;
        Ok(Self {
            id,
            secret,
            security_token: None,
        })
    }

    /// Makes it a temporary pair, which is only valid together with this token.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] as in [`new`](Self::new).
    pub fn with_security_token(mut self, token: impl Into<String>) -> Result<Self, AuthError> {
        let token = SecretString::from(token.into());
        check("security token", token.expose_secret())?;
        self.security_token = Some(token);
        Ok(self)
    }

    /// Returns the access key: a name, not a secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns whether the pair has a security token and so an end.
    pub fn is_temporary(&self) -> bool {
        self.security_token.is_some()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let token = |key| Self::security_token(key).unwrap_or_default().as_bytes();
        self.id == other.id
            && bool::from(self.secret().ct_eq(other.secret()))
            && bool::from(token(self).ct_eq(token(other)))
    }

    pub(crate) fn secret_text(&self) -> Option<&str> {
        Some(self.secret.expose_secret())
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.expose_secret().as_bytes()
    }

    pub(crate) fn security_token(&self) -> Option<&str> {
        self.security_token
            .as_ref()
            .map(|token| token.expose_secret())
    }
}

fn check(what: &str, text: &str) -> Result<(), AuthError> {
    if text.is_empty() {
        return Err(AuthError::new(
            AuthErrorKind::Malformed,
            format!("the {what} is empty"),
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed(what));
    }
    Ok(())
}

fn malformed(what: &str) -> AuthError {
    AuthError::new(
        AuthErrorKind::Malformed,
        format!(
            "the {what} has characters that no {what} has: was it pasted with a space or a line break?"
        ),
    )
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("secret", &format_args!("<masked>"))
            .field("temporary", &self.is_temporary())
            .finish()
    }
}

#[cfg(test)]
mod tests;
