//! Where credentials come from.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{AuthError, BoxFuture, Credentials};

/// A source of credentials, asked before each attempt: keep what is expensive.
pub trait CredentialsProvider: Debug + Send + Sync + 'static {
    /// Returns the credentials to use now.
    ///
    /// # Errors
    /// Nothing to offer: [`AuthError`] says why and what to do.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>>;

    /// The service refused these as unknown or expired: other ones, or `None` if there are none. Called at most once
    /// for each request. By default there are none.
    ///
    /// # Errors
    /// Others should exist and could not be had.
    fn renew<'a>(
        &'a self,
        refused: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        let _ = refused;
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl<T: CredentialsProvider + ?Sized> CredentialsProvider for Arc<T> {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        (**self).credentials()
    }

    fn renew<'a>(
        &'a self,
        refused: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        (**self).renew(refused)
    }
}

/// Always the same credentials.
///
/// ```
/// use ecs_auth::{Credentials, StaticCredentials};
///
/// let provider = StaticCredentials::new(Credentials::token("token-1")?);
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticCredentials(Credentials);

impl StaticCredentials {
    /// Creates a provider of these credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self(credentials)
    }
}

impl CredentialsProvider for StaticCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}
