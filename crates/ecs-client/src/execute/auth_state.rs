//! The credentials of a request's attempts.

use ecs_auth::{AuthError, Credentials};
use http::StatusCode;

use crate::RequestError;
use crate::policy::Classification;

/// The credentials that a request uses. Refused ones are replaced once, until another kind of
/// answer arrives.
#[derive(Default)]
pub(super) struct AuthState {
    /// The refused credentials that are to be replaced, and the refusal.
    refused: Option<(Credentials, RequestError)>,
    /// `true` if a replacement was requested and nothing else has happened since.
    has_renewed: bool,
}

impl AuthState {
    /// Returns the credentials to replace.
    pub(super) fn refused(&self) -> Option<&Credentials> {
        self.refused.as_ref().map(|(credentials, _)| credentials)
    }

    /// Takes the answer of the source; `None` if it has no replacement.
    pub(super) fn update(
        &mut self,
        answer: Result<Option<Credentials>, AuthError>,
    ) -> Result<Credentials, RequestError> {
        match answer {
            Ok(Some(credentials)) => {
                self.refused = None;
                Ok(credentials)
            }
            Ok(None) => Err(match self.refused.take() {
                Some((_, refusal)) => refusal,
                None => RequestError::without_credentials(),
            }),
            Err(error) => Err(match &self.refused {
                Some((_, refusal)) => refusal.and_no_others(&error),
                None => RequestError::of_credentials(&error),
            }),
        }
    }

    /// Returns whether to request a replacement after an attempt with these credentials failed.
    pub(super) fn renews_after(&mut self, credentials: Credentials, error: &RequestError) -> bool {
        if error.status() != Some(StatusCode::UNAUTHORIZED) {
            self.has_renewed = false;
            return false;
        }
        if error.classification() != Classification::RefusedCredentials || self.has_renewed {
            return false;
        }
        self.has_renewed = true;
        self.refused = Some((credentials, error.clone()));
        true
    }
}
