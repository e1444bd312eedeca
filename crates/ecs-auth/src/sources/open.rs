//! From what was chosen to a provider.

use std::sync::Arc;

use ecs_transport::Transport;

use super::fields::Proof;
use super::{Chosen, malformed};
use crate::{
    AuthError, Credentials, CredentialsProvider, IamClient, IamTokens, Login, MetadataKeys,
    Reference, StaticCredentials, TokenInfo,
};

/// Credentials that are ready to use, and the project to use them in.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// To be given to a client.
    pub provider: Arc<dyn CredentialsProvider>,
    /// The id of the project.
    pub project_id: String,
    /// What IAM says of the token, where one was fetched.
    pub token: Option<TokenInfo>,
}

impl Chosen {
    /// Makes a provider, and finds out the project's id. Asks IAM (through this transport) only for what is not known: a login,
    /// or the id of a project by its name.
    ///
    /// # Errors
    /// Something needed is not known, or IAM refused or could not be asked.
    pub async fn open(self, transport: Arc<dyn Transport>) -> Result<Opened, AuthError> {
        let iam = match &self.iam {
            Some(address) => Some(IamClient::new(Arc::clone(&transport), address)?),
            None => None,
        };
        let needs_iam = || {
            malformed(
                "the address of IAM is not known: name the region (--region, OS_REGION_NAME) or set OS_AUTH_URL",
            )
        };
        let region = self.region.clone().map(Reference::Name);
        let domain_id = match &self.user_domain {
            Some(Reference::Id(id)) => Some(id.clone()),
            _ => None,
        };
        // The project of who logs in; an agency's is in another domain.
        let project = self.project.clone();
        let base: Base = match self.proof {
            None => Base::Fixed(Arc::new(MetadataKeys::new(transport))),
            Some(Proof::Token(token)) => Base::Fixed(Arc::new(StaticCredentials::new(token))),
            Some(Proof::Key(key)) => {
                let key = Credentials::access_key(key);
                Base::Fixed(Arc::new(StaticCredentials::new(key)))
            }
            Some(Proof::Login(login)) => {
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
                let project = agency.project.map(Reference::Name).or(region);
                let project = project.ok_or_else(no_project)?;
                let tokens = iam.tokens(login.for_project(project.clone()));
                (Base::Tokens(Arc::new(tokens)), Some(project))
            }
        };
        match (base, project.ok_or_else(no_project)?) {
            (base, Reference::Id(project_id)) => Ok(Opened {
                provider: base.into_provider(),
                project_id,
                token: None,
            }),
            (Base::Tokens(tokens), Reference::Name(_)) => {
                let info = tokens.info().await?;
                let project = info.project.clone();
                let project = project.ok_or_else(|| {
                    malformed("IAM gave a token that is not for a project: give the project's id")
                })?;
                Ok(Opened {
                    provider: tokens,
                    project_id: project.id,
                    token: Some(info),
                })
            }
            (Base::Fixed(provider), Reference::Name(name)) => {
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                let credentials = provider.credentials().await?;
                let project = iam.find_project(&credentials, &name).await?;
                Ok(Opened {
                    provider,
                    project_id: project.id,
                    token: None,
                })
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
