//! Where credentials come from, in the order that users of these clouds know.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{AuthError, AuthErrorKind, Reference};

mod clouds;
mod endpoints;
mod fields;
mod open;
mod profile;
mod search;
mod surroundings;
mod yaml;

use fields::{Agency, Field, HUAWEI, OPENSTACK, Proof};
pub use open::{ReadyCredentials, Transports};
use search::{environment, search};
pub use surroundings::Surroundings;

/// What is said explicitly, on a command line for example. It goes before everything that is found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Flags {
    /// A token.
    pub token: Option<SecretString>,
    /// An access key; needs the secret key.
    pub access_key: Option<String>,
    /// A secret key; needs the access key.
    pub secret_key: Option<SecretString>,
    /// The security token of a temporary pair of keys.
    pub security_token: Option<SecretString>,
    /// Use this cloud of `clouds.yaml`, and nothing else.
    pub cloud: Option<String>,
    /// Use this section of `~/.huaweicloud/credentials`, and nothing else.
    pub profile: Option<String>,
    /// The region, for example `eu-de`.
    pub region: Option<String>,
    /// The id of the project.
    pub project_id: Option<String>,
    /// The address of ECS.
    pub endpoint: Option<String>,
    /// The address of IAM.
    pub iam_endpoint: Option<String>,
    /// The address of the metadata service, for tests; otherwise it is the same on every server.
    pub metadata_endpoint: Option<String>,
}

/// What credentials prove who we are with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A token that is there already.
    Token,
    /// A permanent pair of keys.
    AccessKey,
    /// A pair of keys with a security token.
    TemporaryKey,
    /// A login with a password, perhaps with a passcode, for tokens.
    Password,
    /// Temporary keys of the server that we run on.
    ServerKeys,
}

impl CredentialKind {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AccessKey => "access key",
            Self::TemporaryKey => "temporary access key",
            Self::Password => "password",
            Self::ServerKeys => "temporary access key of this server",
        }
    }
}

/// A source that was looked at and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Which one.
    pub source: String,
    /// Why not.
    pub why: String,
}

/// Where to go and as whom, as far as that can be said without asking anybody. Holds secrets; `Debug` masks them.
///
/// ```
/// use ecs_auth::{Chosen, Flags, Surroundings};
///
/// let surroundings = Surroundings::default()
///     .with_variable("OS_ACCESS_KEY", "QTWAOYTTINDUT2QVKYUC")
///     .with_variable("OS_SECRET_KEY", "MFyfvK41")
///     .with_variable("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3");
/// let chosen = Chosen::new(&Flags::default(), &surroundings)?;
/// assert_eq!(chosen.source(), "the environment (OS_*)");
/// assert_eq!(chosen.region(), Some("eu-de"));
/// assert_eq!(chosen.endpoint(), Some("https://ecs.eu-de.otc.t-systems.com"));
/// assert_eq!(chosen.skipped()[0].source, "the command line");
/// # Ok::<_, ecs_auth::AuthError>(())
/// ```
#[derive(Debug)]
pub struct Chosen {
    source: String,
    skipped: Vec<Skipped>,
    warnings: Vec<String>,
    region: Option<String>,
    project: Option<Reference>,
    project_domain: Option<Reference>,
    user_domain: Option<Reference>,
    iam: Option<String>,
    endpoint: Option<String>,
    /// Addresses of ECS that are set for single regions.
    overrides: BTreeMap<String, String>,
    metadata: Option<String>,
    /// `None`: the metadata service.
    proof: Option<Proof>,
    agency: Option<Agency>,
}

impl Chosen {
    /// Chooses the first of these that has credentials: the flags; `HUAWEICLOUD_SDK_*`; the cloud that `OS_CLOUD` names;
    /// `OS_*`; the only cloud of `clouds.yaml`; the profile `basic`; the metadata service. With the flag for a
    /// cloud or a profile it is that or nothing.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`]: a source has half of what it needs or cannot be read. It is not skipped, for the next one
    /// could be somebody else's.
    pub fn new(flags: &Flags, surroundings: &Surroundings) -> Result<Self, AuthError> {
        let mut skipped = Vec::new();
        let found = search(flags, surroundings, &mut skipped)?;
        let huawei = environment(surroundings, HUAWEI);
        let openstack = environment(surroundings, OPENSTACK);
        let fields = &found.fields;
        let or_environment = |field| {
            let own = fields.owned(field);
            own.or_else(|| huawei.owned(field))
                .or_else(|| openstack.owned(field))
        };
        let mut warnings = found.warnings;
        let mut iam = fields.owned(Field::Iam).map(with_scheme);
        let mut project = fields.reference(Field::ProjectId, Field::ProjectName);
        let around = [&huawei, &openstack];
        if project.is_none() {
            let mut others = around.into_iter();
            project =
                others.find_map(|other| other.reference(Field::ProjectId, Field::ProjectName));
            if found.named && project.take().is_some() && flags.project_id.is_none() {
                warnings.push(format!(
                    "the project that the environment names is not used with {}, which may be another account's: give \
                     --project-id where it is meant",
                    found.source
                ));
            }
        }
        if iam.is_none() && !found.named {
            // That of another source is not meant where it is of another region.
            let said = flags
                .region
                .clone()
                .or_else(|| or_environment(Field::Region));
            let mut others = around
                .into_iter()
                .filter_map(|other| other.owned(Field::Iam));
            iam = others.next().map(with_scheme).filter(|iam| {
                let own = endpoints::region_of(iam);
                own.is_none() || said.is_none() || own == said
            });
        }
        let vendor = fields.get(Field::Vendor).filter(|_| iam.is_none());
        let of_project = match &project {
            Some(Reference::Name(name)) => endpoints::region_of_project(name),
            _ => None,
        };
        let of_iam = iam.as_deref().and_then(endpoints::region_of);
        let found_region = or_environment(Field::Region)
            .or_else(|| of_iam.clone())
            .or(of_project);
        let region = flags.region.clone().or_else(|| found_region.clone());
        check_region(region.as_deref())?;
        if vendor.is_some_and(|vendor| OTC.contains(&vendor)) {
            iam = region.as_deref().map(endpoints::iam_of_otc);
        }
        let mut ecs = fields.owned(Field::Ecs);
        let overrides = surroundings.with_prefix(ECS_OF_REGION);
        let sdk = region
            .as_deref()
            .and_then(|it| sdk_endpoint(&overrides, it));
        let explicit = [&flags.endpoint, &flags.iam_endpoint, &sdk, &ecs, &iam];
        let given: Vec<String> = explicit.into_iter().flatten().cloned().collect();
        let given: Vec<String> = given.into_iter().map(with_scheme).collect();
        if let (Some(wanted), Some(other)) = (&flags.region, &found_region)
            && wanted != other
        {
            // What else was found is of the other region.
            ecs = None;
            iam = iam.map(|iam| endpoints::in_region(&iam, wanted));
            if project.take().is_some() && flags.project_id.is_none() {
                warnings.push(format!(
                    "the project of {} is of region {other}: that of {wanted} is looked up instead",
                    found.source
                ));
            }
        }
        let mut agency = fields.agency()?;
        if agency.is_none() && openstack.get(Field::AgencyName).is_some() {
            warnings.push(format!(
                "the agency that OS_AGENCY_NAME names is not used with {}, which acts as its own account",
                found.source
            ));
        }
        if let Some(id) = &flags.project_id {
            // Whoever lends its rights has the servers; the own project is only what the login is for.
            let meant = match &mut agency {
                Some(agency) => &mut agency.project,
                None => &mut project,
            };
            *meant = Some(Reference::id(id));
        }
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let guess = |service| endpoints::guess(service, region.as_deref()?, &given);
        let iam = flags.iam_endpoint.clone().map(with_scheme).or(iam);
        let beside = || endpoints::ecs_beside(iam.as_deref()?, region.as_deref()?);
        let endpoint = flags.endpoint.clone().or(sdk).or(ecs).or_else(beside);
        if let Some(vendor) = vendor
            && iam.is_none()
            && endpoint.is_none()
            && !OTC.contains(&vendor)
        {
            return Err(malformed(&format!(
                "{}: the addresses of profile {vendor} are not known here: give auth_url beside it, or --iam-endpoint",
                found.source
            )));
        }
        let endpoint = endpoint.or_else(|| guess("ecs"));
        let iam = iam.or_else(|| guess("iam"));
        Ok(Self {
            source: found.source,
            skipped,
            warnings,
            project,
            project_domain: fields.reference(Field::ProjectDomainId, Field::ProjectDomainName),
            user_domain: fields.user_domain(),
            iam: address("IAM", iam)?,
            endpoint: address("ECS", endpoint)?,
            overrides,
            metadata: flags.metadata_endpoint.clone(),
            region,
            agency,
            proof: found.proof,
        })
    }

    /// Where the credentials come from, in words.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What was looked at before, and why it was not used.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What should be put right, although it works.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The region, if that is known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The project, if one is named. Otherwise it is that of the region.
    pub fn project(&self) -> Option<&Reference> {
        self.project.as_ref()
    }

    /// The address of ECS, if that is known.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The address of IAM, if that is known.
    pub fn iam_endpoint(&self) -> Option<&str> {
        self.iam.as_deref()
    }

    /// What proves who we are.
    pub fn kind(&self) -> CredentialKind {
        match &self.proof {
            None => CredentialKind::ServerKeys,
            Some(Proof::Token(_)) => CredentialKind::Token,
            Some(Proof::Key(key)) if key.is_temporary() => CredentialKind::TemporaryKey,
            Some(Proof::Key(_)) => CredentialKind::AccessKey,
            Some(Proof::Login(_)) => CredentialKind::Password,
        }
    }

    /// The agency whose rights are borrowed, if any.
    pub fn agency(&self) -> Option<&str> {
        self.agency.as_ref().map(|agency| agency.name.as_str())
    }

    /// Whether IAM is asked: for tokens, or for the id of the project.
    pub fn asks_iam(&self) -> bool {
        matches!(self.proof, Some(Proof::Login(_)))
            || self.agency.is_some()
            || !matches!(self.project, Some(Reference::Id(_)))
    }

    /// The access key, if it is one that proves who we are: a name, not a secret.
    pub fn access_key(&self) -> Option<&str> {
        match &self.proof {
            Some(Proof::Key(key)) => Some(key.id()),
            _ => None,
        }
    }
}

/// Names of Open Telekom Cloud in `clouds.yaml`.
const OTC: [&str; 2] = ["otc", "otc-swiss"];

const ECS_OF_REGION: &str = "HUAWEICLOUD_SDK_REGION_ECS_";

/// `HUAWEICLOUD_SDK_REGION_ECS_EU_DE`; of several addresses the first.
fn sdk_endpoint(overrides: &BTreeMap<String, String>, region: &str) -> Option<String> {
    let addresses = overrides.get(&region.to_uppercase().replace('-', "_"))?;
    addresses
        .split(',')
        .next()
        .map(|first| first.trim().to_owned())
}

fn check_region(region: Option<&str>) -> Result<(), AuthError> {
    match region {
        Some(name) if !endpoints::is_region(name) => Err(malformed(
            "the region has characters that no region has: it is a name such as eu-de",
        )),
        _ => Ok(()),
    }
}

/// An address that can be shown.
fn address(service: &str, address: Option<String>) -> Result<Option<String>, AuthError> {
    if address.as_ref().is_some_and(|text| text.contains('@')) {
        // Not repeated: it may be a password.
        return Err(malformed(&format!(
            "a user or password has no place in the address of {service}: it looks like https://host"
        )));
    }
    Ok(address.map(with_scheme))
}

fn with_scheme(address: String) -> String {
    match address.contains("://") {
        true => address,
        false => format!("https://{address}"),
    }
}

fn malformed(message: &str) -> AuthError {
    AuthError::new(AuthErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests;
