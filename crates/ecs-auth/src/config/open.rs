//! Opening the chosen credentials as a provider.

use std::sync::Arc;

use ecs_transport::Transport;

use super::connect::{Base, Connected, iam_unknown, no_project};
use super::method::AuthMethod;
use super::resolve::{Project, check_region};
use super::transports::Transports;
use super::{CredentialConfig, TlsSettings, Warning, WarningKind, checked_address, malformed};
use crate::{
    AddressGap, AuthError, AuthErrorKind, Credentials, CredentialsProvider, IamClient,
    InstanceLocation, Login, MetadataKeys, Operator, Reference, ResolvedAccount, ResolvedTarget,
    Sourced, StaticCredentials, TokenInfo, operators,
};

/// Credentials that are ready for use, and where to use them.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadyCredentials {
    /// The provider, for a client.
    pub provider: Arc<dyn CredentialsProvider>,
    /// The id of the project.
    pub project_id: String,
    /// The region, if known.
    pub region: Option<String>,
    /// The address of ECS, if known.
    pub endpoint: Option<String>,
    /// Operator, account, project, region and endpoint, each with its origin: shown before anything
    /// is sent.
    pub target: ResolvedTarget,
    /// IAM's description of the token, if one was fetched.
    pub token: Option<TokenInfo>,
    /// The transport to IAM, also for the service.
    pub transport: Arc<dyn Transport>,
    /// The trusted authorities and client certificate of the settings, also for the service.
    pub tls: TlsSettings,
    /// Differences between the settings and IAM's answers, in addition to
    /// [`CredentialConfig::warnings`].
    pub warnings: Vec<Warning>,
}

impl CredentialConfig {
    /// Creates a provider, and determines the project's id. IAM is queried only if needed: for a
    /// token, or for the id of a project by its name. If the metadata service is the source, it is
    /// queried for keys, and for the region and the project unless they are given.
    ///
    /// # Errors
    /// Fails if a required setting is not known ([`AuthError::reason`]), or if IAM refuses or
    /// cannot be reached. [`AuthErrorKind::Missing`]: no other source has credentials, and neither
    /// has the metadata service.
    pub async fn open(mut self, transports: Transports) -> Result<ReadyCredentials, AuthError> {
        let transport = Arc::clone(&transports.services);
        let keys = match &self.method {
            Some(_) => None,
            None => Some(self.server_keys(transports.metadata).await?),
        };
        let mut account = ResolvedAccount {
            kind: self.kind().as_str().to_owned(),
            origin: self.source.to_string(),
            user: self.account.user.clone(),
            domain: self.account.domain.clone(),
            access_key: self.access_key().map(str::to_owned),
            agency: self.agency().map(str::to_owned),
            agency_domain: self.agency.as_ref().map(|agency| match &agency.owner {
                Reference::Id(owner) | Reference::Name(owner) => owner.clone(),
            }),
            not_looked_up: None,
        };
        let operator = self.operator.as_ref();
        let operator = operator.map(|(operator, origin)| Sourced::new(operator.name(), origin));
        let (region, endpoint, tls) =
            (self.region.clone(), self.endpoint.clone(), self.tls.clone());
        let own_login = self.agency.is_none();
        let names = [
            self.account.user_name.clone(),
            self.project
                .as_ref()
                .and_then(|project| project.name.clone()),
        ];
        let connected = self.connect(keys, transports.services).await?;
        let mut warnings = connected.warnings;
        if let Some(token) = connected.token.as_ref().filter(|_| own_login) {
            account.user = token.user.clone().or(account.user);
            account.domain = token.domain.clone().or(account.domain);
            warnings.extend(other_names(&names, token));
        }
        account.access_key = account.access_key.or(connected.access_key);
        account.not_looked_up = connected.not_looked_up;
        Ok(ReadyCredentials {
            provider: connected.provider,
            project_id: connected.project.id.clone(),
            region: region.as_ref().map(|region| region.value.clone()),
            endpoint: endpoint.as_ref().map(|endpoint| endpoint.value.clone()),
            target: ResolvedTarget {
                operator,
                account,
                project: connected.project,
                region,
                endpoint,
            },
            token: connected.token,
            transport,
            tls,
            warnings,
        })
    }

    /// Returns the keys and the location of the server that this process runs on.
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
                // The service exists and failed, which does not mean that it has no keys.
                AuthErrorKind::Unavailable if error.refusal().is_some() => error,
                _ => none.with_source(error),
            }
        })?;
        if self.region.is_none() || self.project.is_none() {
            match keys.location().await {
                Ok(location) => self.locate(location)?,
                Err(error) if self.region.is_none() && self.endpoint.is_none() => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Ok(keys)
    }

    /// Takes from the location of this server what no setting names.
    fn locate(&mut self, location: InstanceLocation) -> Result<(), AuthError> {
        const HERE: &str = "the metadata service";
        check_region(location.region.as_deref())?;
        if let (None, Some(region)) = (&self.region, location.region.as_deref()) {
            self.region = Some(Sourced::new(region, HERE));
            self.addresses_in(region)?;
        }
        if self.project.is_none() && self.region() == location.region.as_deref() {
            self.project = location.project_id.map(|id| Project {
                reference: Reference::Id(id),
                name: None,
                origin: HERE.to_owned(),
            });
        }
        Ok(())
    }

    /// Determines the addresses in a region that became known late.
    fn addresses_in(&mut self, region: &str) -> Result<(), AuthError> {
        if self.endpoint.is_none()
            && let Some(mut address) = self.addresses.ecs(region).cloned()
        {
            address.value = checked_address("ECS", &address.value)?;
            self.endpoint = Some(address);
        }
        let given = [&self.iam, &self.endpoint].into_iter().flatten();
        let given: Vec<String> = given.map(|address| address.value.clone()).collect();
        let named = self.operator();
        let at = |service| operators::derive(service, Some(region), &given, named);
        let (iam, ecs) = (at("iam"), at("ecs"));
        self.iam_gap = iam.as_ref().err().cloned();
        self.gap = ecs.as_ref().err().cloned();
        self.iam = self.iam.take().or(iam.ok());
        self.endpoint = self.endpoint.take().or(ecs.ok());
        if self.operator.is_none() {
            let operator = Operator::of_address(self.endpoint().unwrap_or_default());
            self.operator = operator.map(|operator| (operator, "the region".to_owned()));
        }
        Ok(())
    }

    async fn connect(
        self,
        keys: Option<Arc<MetadataKeys>>,
        transport: Arc<dyn Transport>,
    ) -> Result<Connected, AuthError> {
        let iam = match &self.iam {
            Some(address) => Some(IamClient::new(transport, &address.value)?),
            None => None,
        };
        let gap = self.iam_gap.clone().unwrap_or(AddressGap::NoRegion);
        let needs_iam = || iam_unknown(gap.clone());
        let of_region = self.region.as_ref().map(|region| Project {
            reference: Reference::name(&region.value),
            name: None,
            origin: format!("the region's own project, region by {}", region.origin),
        });
        let access_key = match &keys {
            Some(keys) => keys.credentials().await?.access_key_id().map(str::to_owned),
            None => None,
        };
        // The project of the user who logs in; an agency's is in another domain.
        let project = self.project;
        let fixed = |credentials| Base::Fixed(Arc::new(StaticCredentials::new(credentials)));
        let base = match (self.method, keys) {
            (None, Some(keys)) => Base::Fixed(keys),
            (None, None) => return Err(malformed("there are no credentials")),
            (Some(AuthMethod::Token(token)), _) if self.agency.is_none() => {
                let given = super::given_token::GivenToken {
                    token,
                    project,
                    of_region,
                };
                return given.connect(iam.as_ref().ok_or(&gap)).await;
            }
            (Some(AuthMethod::Token(token)), _) => fixed(token),
            (Some(AuthMethod::Key(key)), _) => fixed(Credentials::access_key(key)),
            (Some(AuthMethod::Login(login) | AuthMethod::Exchange(login)), _) => {
                let own = match (&self.agency, &project) {
                    (None, None) => of_region.as_ref(),
                    (_, project) => project.as_ref(),
                };
                let own = own.map(|project| project.reference.clone());
                let login = match (own, self.project_domain, &self.account.user_domain) {
                    (Some(own), Some(domain), _) => login.for_project_of(own, domain),
                    (Some(own), None, _) => login.for_project(own),
                    (None, _, Some(domain)) => login.for_domain(domain.clone()),
                    (None, _, None) => login,
                };
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                Base::Tokens(Arc::new(iam.tokens(login)))
            }
        };
        let (base, project) = match self.agency {
            None => (base, project.or(of_region)),
            Some(agency) => {
                let iam = iam.as_ref().ok_or_else(needs_iam)?;
                let by = base.into_provider();
                let mut login = Login::agency(by, agency.owner, agency.name);
                if let Some(Reference::Id(id)) = self.account.user_domain {
                    login = login.with_caller_domain_id(id);
                }
                let origin = agency.project_origin;
                let named = agency.project.map(|reference| Project {
                    reference,
                    name: None,
                    origin,
                });
                let project = named.or(of_region).ok_or_else(no_project)?;
                let tokens = iam.tokens(login.for_project(project.reference.clone()));
                (Base::Tokens(Arc::new(tokens)), Some(project))
            }
        };
        let project = project.ok_or_else(no_project)?;
        let mut connected = base
            .connect(project, iam.as_ref().ok_or_else(needs_iam))
            .await?;
        connected.access_key = access_key;
        Ok(connected)
    }
}

/// Warns about names beside an id that differ from IAM's.
fn other_names([user, project]: &[Option<String>; 2], token: &TokenInfo) -> Vec<Warning> {
    let of_project = token.project.as_ref().map(|project| &project.name);
    let pairs = [
        ("user", user, token.user.as_ref()),
        ("project", project, of_project),
    ];
    let other = |(kind, named, of_iam): (&str, &Option<String>, Option<&String>)| {
        let (named, of_iam) = (named.as_ref()?, of_iam?);
        (named != of_iam).then(|| Warning {
            kind: WarningKind::Unused,
            message: format!(
                "the {kind} is {of_iam} by its id, which takes precedence over the name {named}"
            ),
        })
    };
    pairs.into_iter().filter_map(other).collect()
}

#[cfg(test)]
mod tests;
