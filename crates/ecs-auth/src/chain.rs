//! Credentials as `ecsctl` finds them, in one call.

use crate::{
    AuthError, CredentialConfig, CredentialOptions, Environment, ReadyCredentials, Transports,
};

/// A search for credentials as `ecsctl` does it: in the environment, in `clouds.yaml`, in profiles,
/// at the metadata service.
///
/// ```no_run
/// # #[cfg(feature = "hyper")]
/// # async fn example() -> Result<(), ecs_auth::AuthError> {
/// use ecs_auth::CredentialChain;
///
/// let ready = CredentialChain::from_env().region("eu-de").resolve().await?;
/// println!("{} in {}", ready.target.account, ready.target.project);
/// let (provider, endpoint) = (ready.provider, ready.endpoint); // give them to a client
/// # let _ = (provider, endpoint); Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a chain does nothing until it is resolved"]
pub struct CredentialChain {
    environment: Environment,
    options: CredentialOptions,
}

impl CredentialChain {
    /// Creates a chain over the environment of this process and the files that it names.
    pub fn from_env() -> Self {
        Self::new(Environment::of_process())
    }

    /// Creates a chain over this environment.
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            options: CredentialOptions::default(),
        }
    }

    /// Sets all options, replacing those set before.
    pub fn options(mut self, options: CredentialOptions) -> Self {
        self.options = options;
        self
    }

    /// Uses this cloud of `clouds.yaml` and no other source.
    pub fn cloud(mut self, name: impl Into<String>) -> Self {
        self.options.cloud = Some(name.into());
        self
    }

    /// Uses this section of `~/.huaweicloud/credentials` and no other source.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.options.profile = Some(name.into());
        self
    }

    /// Sets the region, which takes precedence over the source's.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.options.region = Some(region.into());
        self
    }

    /// Sets the id of the project, which takes precedence over the source's.
    pub fn project_id(mut self, id: impl Into<String>) -> Self {
        self.options.project_id = Some(id.into());
        self
    }

    /// Sets the address of ECS, which takes precedence over the source's.
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        self.options.endpoint = Some(address.into());
        self
    }

    /// Sets the operator by its id. Required if several operators have the region.
    pub fn operator(mut self, id: impl Into<String>) -> Self {
        self.options.operator = Some(id.into());
        self
    }

    /// Chooses the source without any request, and returns it with warnings and addresses.
    ///
    /// # Errors
    /// As [`CredentialConfig::new`].
    pub fn config(&self) -> Result<CredentialConfig, AuthError> {
        CredentialConfig::new(&self.options, &self.environment)
    }

    /// Chooses the source and opens it over the given transports. [`config`](Self::config) has the
    /// warnings.
    ///
    /// # Errors
    /// As [`CredentialConfig::new`] and [`CredentialConfig::open`].
    pub async fn resolve_with(
        &self,
        transports: Transports,
    ) -> Result<ReadyCredentials, AuthError> {
        self.config()?.open(transports).await
    }

    /// Chooses the source and opens it over transports that trust the authorities of the settings,
    /// and use the proxy of the environment for everything except the metadata service.
    /// [`config`](Self::config) has the warnings.
    ///
    /// # Errors
    /// As [`CredentialConfig::new`] and [`CredentialConfig::open`], and if a certificate that the
    /// settings name cannot be used.
    #[cfg(feature = "hyper")]
    pub async fn resolve(&self) -> Result<ReadyCredentials, AuthError> {
        let config = self.config()?;
        let transports = config.tls().transports()?;
        config.open(transports).await
    }
}
