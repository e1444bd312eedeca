//! Providers of credentials.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{AuthError, BoxFuture, Credentials};

/// A provider of credentials, called before each attempt: cache what is expensive.
pub trait CredentialsProvider: Debug + Send + Sync + 'static {
    /// Returns the current credentials.
    ///
    /// # Errors
    /// There are none: [`AuthError`] says why and what to do.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>>;

    /// Returns credentials in place of some that the service refused as unknown or expired; `None`
    /// if there are no others. Called at most once for each request. The default has none.
    ///
    /// # Errors
    /// Other credentials should exist and could not be obtained.
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

/// Credentials are a provider that always returns them.
impl CredentialsProvider for Credentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// A provider that always returns the same credentials, as [`Credentials`] themselves are.
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
