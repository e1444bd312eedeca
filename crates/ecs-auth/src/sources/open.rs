//! From what was chosen to a provider.

use std::sync::Arc;

use ecs_transport::Transport;

use super::fields::Proof;
use super::{Chosen, check_region, endpoints, malformed, sdk_endpoint, with_scheme};
use crate::{
    AuthError, AuthErrorKind, Credentials, CredentialsProvider, IamClient, IamTokens,
    InstanceLocation, Login, MetadataKeys, Reference, ResolvedAccount, ResolvedProject,
    ResolvedTarget, Sourced, StaticCredentials, TokenInfo,
};

/// How requests travel that are about credentials.
#[derive(Clone, Debug)]
pub struct Transports {
    /// To IAM: as to the service itself.
    pub services: Arc<dyn Transport>,
    /// To the metadata service, which is on a link of its own: never through a proxy.
    pub metadata: Arc<dyn Transport>,
}

impl Transports {
    /// The same for both, which must not use a proxy.
    pub fn both(transport: Arc<dyn Transport>) -> Self {
        Self {
            services: Arc::clone(&transport),
            metadata: transport,
        }
    }
}

/// Credentials that are ready to use, and where to use them.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadyCredentials {
    /// To be given to a client.
    pub provider: Arc<dyn CredentialsProvider>,
    /// The id of the project.
    pub project_id: String,
    /// The region, if it is known.
    pub region: Option<String>,
    /// The address of ECS, if it is known.
    pub endpoint: Option<String>,
    /// Operator, account, project, region and endpoint, each with its origin: what is shown before anything is sent.
    pub target: ResolvedTarget,
    /// What IAM says of the token, where one was fetched.
    pub token: Option<TokenInfo>,
}

impl Chosen {
    /// Makes a provider, and finds out the project's id. Asks IAM only for what is not known: a login, or the id of a project by
    /// its name. Where the metadata service is the source, it is asked for keys, and for the region and the project unless
    /// they are given.
    ///
    /// # Errors
    /// Something needed is not known, or IAM refused or could not be asked. [`AuthErrorKind::Missing`]: no other source has
    /// credentials, and the metadata service has none.
    pub async fn open(mut self, transports: Transports) -> Result<ReadyCredentials, AuthError> {
        let keys = match &self.proof {
            Some(_) => None,
            None => Some(self.server_keys(transports.metadata).await?),
        };
        let (region, endpoint) = (self.region.clone(), self.endpoint.clone());
        let origin = self.source.clone();
        let mut account = ResolvedAccount::default();
        account.kind = self.kind().as_str().to_owned();
        account.origin.clone_from(&origin);
        account.access_key = self.access_key().map(str::to_owned);
        account.agency = self.agency().map(str::to_owned);
        let (provider, project_id, token) = self.connect(keys, transports.services).await?;
        let mut project = ResolvedProject::default();
        project.id.clone_from(&project_id);
        project.origin.clone_from(&origin);
        if let Some(token) = &token {
            account.user.clone_from(&token.user);
            account.domain.clone_from(&token.domain);
            project.name = token.project.as_ref().map(|project| project.name.clone());
        }
        let sourced = |value: &Option<String>| {
            let value = value.as_ref()?;
            Some(Sourced::new(value, &origin))
        };
        Ok(ReadyCredentials {
            target: ResolvedTarget {
                operator: None,
                account,
                project,
                region: sourced(&region),
                endpoint: sourced(&endpoint),
            },
            provider,
            project_id,
            region,
            endpoint,
            token,
        })
    }

    /// The keys of the server that we run on, and where it is.
    async fn server_keys(
        &mut self,
        transport: Arc<dyn Transport>,
    ) -> Result<Arc<MetadataKeys>, AuthError> {
        let keys = Arc::new(match &self.metadata {
            Some(address) => MetadataKeys::at(transport, address),
            None => MetadataKeys::new(transport),
        });
        keys.credentials().await.map_err(|error| {
            let none = AuthError::new(AuthErrorKind::Missing, "no source has credentials");
            match error.kind() {
                AuthErrorKind::Malformed => error,
                // It is there, and failed: no reason to think that it has none.
                AuthErrorKind::Unavailable if error.refusal().is_some() => error,
                _ => none.with_source(error),
            }
        })?;
        if self.region.is_none() || self.project.is_none() {
            match keys.location().await {
                Ok(place) => self.locate(place)?,
                Err(error) if self.region.is_none() && self.endpoint.is_none() => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Ok(keys)
    }

    /// Takes from the place of this server what nobody has said.
    fn locate(&mut self, place: InstanceLocation) -> Result<(), AuthError> {
        check_region(place.region.as_deref())?;
        if self.region.is_none() {
            self.region = place.region.clone();
            let region = place.region.as_deref();
            let sdk = || sdk_endpoint(&self.overrides, region?).map(with_scheme);
            let endpoint = self.endpoint.take().or_else(sdk);
            let iam = self.iam.take();
            let given: Vec<&str> = [&iam, &endpoint]
                .into_iter()
                .flatten()
                .map(|it| &**it)
                .collect();
            let guess = |service| endpoints::guess(service, region?, &given);
            let (iam_there, ecs_there) = (guess("iam"), guess("ecs"));
            self.iam = iam.or(iam_there);
            self.endpoint = endpoint.or(ecs_there);
        }
        if self.project.is_none() && self.region == place.region {
            self.project = place.project_id.map(Reference::Id);
        }
        Ok(())
    }

    async fn connect(
        self,
        keys: Option<Arc<MetadataKeys>>,
        transport: Arc<dyn Transport>,
    ) -> Result<(Arc<dyn CredentialsProvider>, String, Option<TokenInfo>), AuthError> {
        let iam = match &self.iam {
            Some(address) => Some(IamClient::new(transport, address)?),
            None => None,
        };
        let needs_iam = || {
            malformed(
                "the address of IAM is not known: name the region (--region, OS_REGION_NAME), set OS_AUTH_URL, or give --iam-endpoint; \
                 it follows from the region only in Open Telekom Cloud and Huawei Cloud, and not beside an address of another cloud",
            )
        };
        let region = self.region.map(Reference::Name);
        let domain_id = match &self.user_domain {
            Some(Reference::Id(id)) => Some(id.clone()),
            _ => None,
        };
        // The project of who logs in; an agency's is in another domain.
        let project = self.project;
        let fixed = |credentials| Base::Fixed(Arc::new(StaticCredentials::new(credentials)));
        let base: Base = match (self.proof, keys) {
            (None, Some(keys)) => Base::Fixed(keys),
            (None, None) => return Err(malformed("there are no credentials")),
            (Some(Proof::Token(token)), _) => fixed(token),
            (Some(Proof::Key(key)), _) => fixed(Credentials::access_key(key)),
            (Some(Proof::Login(login)), _) => {
                let own = match (&self.agency, project.clone()) {
                    (None, None) => region.clone(),
                    (_, project) => project,
                };
                let login = match (own, self.project_domain, self.user_domain) {
                    (Some(own), Some(domain), _) => login.for_project_of(own, domain),
                    (Some(own), None, _) => login.for_project(own),
                    (None, _, Some(domain)) => login.for_domain(domain),
                    (None, _, None) => login,
                };
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                Base::Tokens(Arc::new(iam.tokens(login)))
            }
        };
        let (base, project) = match self.agency {
            None => (base, project.or(region)),
            Some(agency) => {
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                let by = base.into_provider();
                let mut login = Login::agency(by, agency.owner, agency.name);
                if let Some(id) = domain_id {
                    login = login.with_caller_domain_id(id);
                }
                let project = agency.project.or(region);
                let project = project.ok_or_else(no_project)?;
                let tokens = iam.tokens(login.for_project(project.clone()));
                (Base::Tokens(Arc::new(tokens)), Some(project))
            }
        };
        match (base, project.ok_or_else(no_project)?) {
            (base, Reference::Id(project_id)) => Ok((base.into_provider(), project_id, None)),
            (Base::Tokens(tokens), Reference::Name(_)) => {
                let info = tokens.info().await?;
                let project = info.project.clone();
                let project = project.ok_or_else(|| {
                    malformed("IAM gave a token that is not for a project: give the project's id")
                })?;
                Ok((tokens, project.id, Some(info)))
            }
            (Base::Fixed(provider), Reference::Name(name)) => {
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                let credentials = provider.credentials().await?;
                let project = iam.find_project(&credentials, &name).await?;
                Ok((provider, project.id, None))
            }
        }
    }
}

enum Base {
    Fixed(Arc<dyn CredentialsProvider>),
    Tokens(Arc<IamTokens>),
}

impl Base {
    fn into_provider(self) -> Arc<dyn CredentialsProvider> {
        match self {
            Self::Fixed(provider) => provider,
            Self::Tokens(tokens) => tokens,
        }
    }
}

fn no_project() -> AuthError {
    malformed(
        "the project is not known: give its id (--project-id, OS_PROJECT_ID), or name the region (--region, OS_REGION_NAME)",
    )
}

#[cfg(test)]
mod tests;
