//! Whose credentials the attempts of a request carry.

use ecs_auth::{AuthError, Credentials};
use http::StatusCode;

use crate::RequestError;
use crate::policy::Classification;

/// The credentials of a request that may be refused, and others in their place: once, until something else happens than a
/// refusal.
#[derive(Default)]
pub(super) struct AuthState {
    /// Credentials that were refused, in place of which others are asked for, and the refusal.
    refused: Option<(Credentials, RequestError)>,
    /// Others were asked for, and nothing else has happened since.
    has_renewed: bool,
}

impl AuthState {
    /// The credentials in place of which others are to be asked for.
    pub(super) fn refused(&self) -> Option<&Credentials> {
        self.refused.as_ref().map(|(credentials, _)| credentials)
    }

    /// What the source of credentials answered. `None`: it has no others in place of the refused ones.
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

    /// Whether others are asked for, after an attempt with these failed.
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
