//! A pair of keys that signs requests.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{AuthError, AuthErrorKind};

/// An access key (AK) with its secret key (SK) and, for a temporary pair, its security token.
/// `Debug` shows only the access key; secrets are overwritten on drop.
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
    /// [`AuthErrorKind::Malformed`] if one of the keys is empty or has characters that no such key
    /// has, usually a line break or a space from pasting. The error holds neither key.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Self, AuthError> {
        // Wrapped first, so that it is overwritten even if it is refused.
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

    /// Makes the pair temporary: it is valid only together with this token.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] as in [`new`](Self::new).
    pub fn with_security_token(mut self, token: impl Into<String>) -> Result<Self, AuthError> {
        let token = SecretString::from(token.into());
        check("security token", token.expose_secret())?;
        self.security_token = Some(token);
        Ok(self)
    }

    /// Returns the access key, which is not secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns whether the pair has a security token, and therefore expires.
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

fn check(part: &str, text: &str) -> Result<(), AuthError> {
    if text.is_empty() {
        return Err(AuthError::new(
            AuthErrorKind::Malformed,
            format!("the {part} is empty"),
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed(part));
    }
    Ok(())
}

fn malformed(part: &str) -> AuthError {
    AuthError::new(
        AuthErrorKind::Malformed,
        format!(
            "the {part} has characters that no {part} has: was it pasted with a space or a line break?"
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
