//! The target of requests, as shown before anything is sent and kept with a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value with its origin.
///
/// ```
/// use ecs_auth::Sourced;
///
/// let region = Sourced::new("eu-de", "OS_REGION_NAME");
/// assert_eq!(region.to_string(), "eu-de (OS_REGION_NAME)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sourced {
    /// The value.
    pub value: String,
    /// The setting that names the value, such as `OS_REGION_NAME` or `region_name of cloud prod in
    /// ./clouds.yaml`, or how it was found: `the address of IAM`.
    pub origin: String,
}

impl Sourced {
    /// Creates a value with its origin.
    pub fn new(value: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            origin: origin.into(),
        }
    }
}

impl fmt::Display for Sourced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.origin)
    }
}

/// The operator, account, project, region and endpoint of requests, each with its origin. Holds no
/// secret, since it is shown, written to a journal and reported.
///
/// [`ReadyCredentials`](crate::ReadyCredentials) holds it. `None` marks unknown values: the names
/// behind a bare token, for example, or the operator of a private cloud.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResolvedTarget {
    /// The operator, such as `Open Telekom Cloud`.
    pub operator: Option<Sourced>,
    /// The account that makes the requests.
    pub account: ResolvedAccount,
    /// The project.
    pub project: ResolvedProject,
    /// The region.
    pub region: Option<Sourced>,
    /// The address of ECS.
    pub endpoint: Option<Sourced>,
}

/// The account that makes requests: a user of a domain, an access key, and optionally an agency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResolvedAccount {
    /// The kind of the credentials, from [`CredentialKind::as_str`](crate::CredentialKind::as_str).
    pub kind: String,
    /// The source of the credentials, such as `cloud prod in ./clouds.yaml`.
    pub origin: String,
    /// The name of the user, or the id if only that is known.
    pub user: Option<String>,
    /// The name of the user's domain (the account), or its id if only that is known.
    pub domain: Option<String>,
    /// The id of the access key.
    pub access_key: Option<String>,
    /// The agency whose rights are used.
    pub agency: Option<String>,
    /// The domain that owns the agency.
    pub agency_domain: Option<String>,
    /// The reason why a token was not looked up, so that its user and domain are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_looked_up: Option<String>,
}

/// A project by id and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResolvedProject {
    /// The id, as used in paths.
    pub id: String,
    /// The name, such as `eu-de_prod`, if IAM or a setting names it.
    pub name: Option<String>,
    /// The setting that names the project, or how it was found.
    pub origin: String,
}

impl fmt::Display for ResolvedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.user, &self.access_key) {
            (Some(user), _) => write!(f, "user {user}")?,
            (None, Some(key)) => write!(f, "{} {key}", self.kind)?,
            (None, None) => f.write_str(&self.kind)?,
        }
        if let Some(domain) = &self.domain {
            write!(f, " of domain {domain}")?;
        }
        if let Some(reason) = &self.not_looked_up {
            write!(f, ", whose account was not looked up ({reason})")?;
        }
        if let Some(agency) = &self.agency {
            write!(f, " as agency {agency}")?;
            if let Some(domain) = &self.agency_domain {
                write!(f, " of domain {domain}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ResolvedProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => f.write_str(&self.id),
        }
    }
}

#[cfg(test)]
mod tests;
