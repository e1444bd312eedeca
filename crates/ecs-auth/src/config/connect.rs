//! Connecting: a provider and its project, with the requests to IAM for both.

use std::sync::Arc;

use super::resolve::Project;
use super::{Warning, malformed};
use crate::{
    AddressGap, AuthError, AuthReason, CredentialsProvider, IamClient, IamTokens, Reference,
    ResolvedProject, TokenInfo,
};

/// The provider and the project, with IAM's answers about both.
pub(super) struct Connected {
    pub(super) provider: Arc<dyn CredentialsProvider>,
    pub(super) project: ResolvedProject,
    pub(super) token: Option<TokenInfo>,
    /// The access key of keys that a provider fetches.
    pub(super) access_key: Option<String>,
    /// The reason why a given token was not looked up.
    pub(super) not_looked_up: Option<String>,
    pub(super) warnings: Vec<Warning>,
}

impl Connected {
    pub(super) fn new(provider: Arc<dyn CredentialsProvider>, project: ResolvedProject) -> Self {
        Self {
            provider,
            project,
            token: None,
            access_key: None,
            not_looked_up: None,
            warnings: Vec::new(),
        }
    }
}

/// The authentication of requests before the project is known.
pub(super) enum Base {
    Fixed(Arc<dyn CredentialsProvider>),
    Tokens(Arc<IamTokens>),
}

impl Base {
    pub(super) fn into_provider(self) -> Arc<dyn CredentialsProvider> {
        match self {
            Self::Fixed(provider) => provider,
            Self::Tokens(tokens) => tokens,
        }
    }

    /// Logs in, and determines the project's id and name. The login happens now even if it is
    /// needed only later: account and project are shown before anything else is done.
    pub(super) async fn connect(
        self,
        project: Project,
        iam: Result<&IamClient, AuthError>,
    ) -> Result<Connected, AuthError> {
        let resolved = |id: String, name: Option<String>| ResolvedProject {
            id,
            name,
            origin: project.origin.clone(),
        };
        match (self, &project.reference) {
            (Self::Tokens(tokens), reference) => {
                let info = tokens.info().await?;
                let of_token = info.project.clone();
                let resolved = match (reference, of_token) {
                    (Reference::Id(id), Some(of_token)) if *id != of_token.id => {
                        return Err(malformed(format!(
                            "IAM gave a token for the project {} ({}), and {id} was asked for",
                            of_token.name, of_token.id
                        )));
                    }
                    (_, Some(of_token)) => resolved(of_token.id, Some(of_token.name)),
                    (Reference::Id(id), None) => resolved(id.clone(), project.name.clone()),
                    (Reference::Name(_), None) => {
                        return Err(AuthError::malformed(
                            "IAM gave a token that is not for a project: give the project's id",
                            AuthReason::ProjectUnknown,
                        ));
                    }
                };
                Ok(Connected {
                    token: Some(info),
                    ..Connected::new(tokens, resolved)
                })
            }
            (Self::Fixed(provider), Reference::Id(id)) => Ok(Connected::new(
                provider,
                resolved(id.clone(), project.name.clone()),
            )),
            (Self::Fixed(provider), Reference::Name(name)) => {
                let credentials = provider.credentials().await?;
                let found = iam?.find_project(&credentials, name).await?;
                Ok(Connected::new(
                    provider,
                    resolved(found.id, Some(found.name)),
                ))
            }
        }
    }
}

pub(super) fn iam_unknown(gap: AddressGap) -> AuthError {
    AuthError::malformed(
        format!("the address of IAM is not known: {gap}"),
        AuthReason::AddressUnknown {
            service: "IAM",
            gap,
        },
    )
}

pub(super) fn no_project() -> AuthError {
    AuthError::malformed(
        "the project is not known: neither it nor the region is named",
        AuthReason::ProjectUnknown,
    )
}
