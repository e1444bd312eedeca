//! A given token, and its owner and project according to IAM.

use std::sync::Arc;

use super::connect::{Base, Connected, iam_unknown, no_project};
use super::resolve::Project;
use super::{Warning, WarningKind};
use crate::{
    AddressGap, AuthError, AuthReason, Credentials, IamClient, Reference, ResolvedProject,
    StaticCredentials, TokenInfo,
};

/// A token and the wanted project.
pub(super) struct GivenToken {
    pub(super) token: Credentials,
    /// The project that a setting names.
    pub(super) project: Option<Project>,
    /// The region's own project, if the region is known.
    pub(super) of_region: Option<Project>,
}

impl GivenToken {
    /// Looks up the token at IAM, if its address is known, and compares. A failed lookup changes
    /// nothing; its reason is kept for display.
    pub(super) async fn connect(
        self,
        iam: Result<&IamClient, &AddressGap>,
    ) -> Result<Connected, AuthError> {
        let looked_up = match iam {
            Ok(iam) => iam
                .describe_token(&self.token)
                .await
                .map_err(|error| error.to_string()),
            Err(gap) => Err(format!("the address of IAM is not known: {gap}")),
        };
        match looked_up {
            Ok(info) => self.with_info(info),
            Err(reason) => {
                let project = self.project.or(self.of_region).ok_or_else(no_project)?;
                let base = Base::Fixed(Arc::new(StaticCredentials::new(self.token)));
                let iam = iam.map_err(|gap| iam_unknown(gap.clone()));
                let mut connected = base.connect(project, iam).await?;
                connected.not_looked_up = Some(reason);
                Ok(connected)
            }
        }
    }

    fn with_info(self, info: TokenInfo) -> Result<Connected, AuthError> {
        let Some(of_token) = info.project.clone() else {
            let domain = info.scope_domain.as_ref().or(info.domain.as_ref());
            let of = domain.map_or_else(String::new, |domain| format!(" (of domain {domain})"));
            return Err(AuthError::malformed(
                format!("the token{of} is not for a project: log in for the project"),
                AuthReason::ProjectUnknown,
            ));
        };
        let mut warnings = Vec::new();
        let origin = match &self.project {
            Some(wanted) => {
                let (fits, wanted_is) = match &wanted.reference {
                    Reference::Id(id) => (*id == of_token.id, id),
                    Reference::Name(name) => (*name == of_token.name, name),
                };
                if !fits {
                    let message = format!(
                        "the token is for the project {} ({}), and {wanted_is} is requested (by {})",
                        of_token.name, of_token.id, wanted.origin
                    );
                    let settings = vec!["the token".to_owned(), wanted.origin.clone()];
                    return Err(AuthError::malformed(
                        message,
                        AuthReason::Conflict { settings },
                    ));
                }
                wanted.origin.clone()
            }
            None => {
                warnings.extend(self.other_region(&of_token.name));
                "the token".to_owned()
            }
        };
        let provider = Arc::new(StaticCredentials::new(self.token));
        let project = ResolvedProject {
            id: of_token.id,
            name: Some(of_token.name),
            origin,
        };
        Ok(Connected {
            token: Some(info),
            warnings,
            ..Connected::new(provider, project)
        })
    }

    /// Returns a warning if the project's name begins with another region than the settings'.
    fn other_region(&self, project: &str) -> Option<Warning> {
        let (Reference::Id(region) | Reference::Name(region)) = &self.of_region.as_ref()?.reference;
        let rest = project.strip_prefix(region.as_str());
        let is_in_region = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        (!is_in_region).then(|| Warning {
            kind: WarningKind::Unused,
            message: format!(
                "the token is for the project {project}, whose name is not one of the region {region}; it is used"
            ),
        })
    }
}

#[cfg(test)]
mod tests;
