//! What proves who we are.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::{AuthError, AuthErrorKind};

/// Credentials, ready to go into a request. `Debug` masks them.
///
/// ```
/// use ecs_auth::Credentials;
///
/// let credentials = Credentials::token("MIIDkg…".replace('…', ""))?;
/// assert!(!format!("{credentials:?}").contains("MIIDkg"));
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Token(SecretString),
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
        Ok(Self(Kind::Token(token)))
    }

    /// Puts the proof into the request: the last thing that is done to it before it is sent.
    pub fn authenticate(&self, request: &mut http::Request<Bytes>) {
        match &self.0 {
            Kind::Token(token) => {
                // Checked in the constructor, so the conversion holds.
                if let Ok(mut value) = HeaderValue::from_str(token.expose_secret()) {
                    value.set_sensitive(true);
                    request.headers_mut().insert("x-auth-token", value);
                }
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Token(_) => f.write_str("Credentials::Token(<masked>)"),
        }
    }
}

#[cfg(test)]
mod tests;
