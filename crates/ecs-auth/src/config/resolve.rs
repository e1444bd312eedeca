//! Resolution of project, region, addresses and trust: one function for each, over the layers in
//! order.

use super::fields::Field as F;
use super::files::RegionAddresses;
use super::layer::{CredentialSource, Family, Layer};
use super::method::{self, Agency, AuthMethod};
use super::search::{Found, HUAWEI_ENV, OPENSTACK_ENV, TERRAFORM_ENV};
use super::{
    CredentialConfig, CredentialOptions, Warning, WarningKind, audit, checked_address, conflict,
    malformed,
};
use crate::environment::Environment;
use crate::operators;
use crate::{AddressGap, AuthError, AuthReason, Operator, Reference, Sourced};

mod address;
mod operator;
mod trust;

/// The origin of a value from an option.
pub(super) const GIVEN: &str = "the options";

/// The account, as the settings name it.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) user: Option<String>,
    /// The name beside an id, to be compared with IAM's.
    pub(super) user_name: Option<String>,
    pub(super) domain: Option<String>,
    /// The domain of the user, for the login or for lookups.
    pub(super) user_domain: Option<Reference>,
}

/// The project, as the settings name it.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) reference: Reference,
    /// The name beside the id, to be compared with IAM's.
    pub(super) name: Option<String>,
    pub(super) origin: String,
}

struct Resolver<'a> {
    options: &'a CredentialOptions,
    environment: &'a Environment,
    found: &'a Found,
    addresses: RegionAddresses,
    warnings: Vec<Warning>,
    operator: Option<Operator>,
}

/// The named regions.
struct Regions {
    /// The selected one.
    region: Option<Sourced>,
    /// The source's own region, if an option names another.
    other: Option<String>,
}

pub(super) fn resolve(
    options: &CredentialOptions,
    environment: &Environment,
    found: &Found,
    method: Option<AuthMethod>,
) -> Result<CredentialConfig, AuthError> {
    let addresses = RegionAddresses::load(environment)?;
    let mut resolver = Resolver {
        options,
        environment,
        found,
        addresses,
        warnings: Vec::new(),
        operator: operator::of_options(options)?,
    };
    let own = found.layer();
    let account = resolver.account(method.as_ref());
    let agency = own.map(|own| method::agency(own, options));
    let mut agency = agency.transpose()?.flatten();
    let mut project = resolver.project(method.as_ref());
    let regions = resolver.regions(project.as_ref())?;
    resolver.keep_apart(&regions, &mut project);
    let addresses = resolver.resolve_addresses(&regions, method.as_ref())?;
    resolver.give_project(&mut agency, &mut project);
    let project_domain = own.and_then(|own| match (&method, &project) {
        (Some(AuthMethod::Login(_) | AuthMethod::Exchange(_)), _) => method::project_domain(own),
        (
            _,
            Some(Project {
                reference: Reference::Name(_),
                ..
            }),
        ) => method::project_domain(own),
        _ => None,
    });
    let tls = resolver.tls()?;
    let operator = resolver.named_operator(&addresses, regions.region.as_ref())?;
    let (region_addresses, later) = (resolver.addresses, resolver.warnings);
    let of_files = own.into_iter().flat_map(|own| &own.warnings);
    let of_files = of_files.chain(&region_addresses.warnings);
    let of_files = of_files.map(|message| Warning {
        kind: WarningKind::File,
        message: message.clone(),
    });
    let mut warnings: Vec<Warning> = of_files.chain(later).collect();
    let (overridden, unused) = audit::audit(options, found);
    warnings.extend(unused);
    let mut skipped = found.skipped.clone();
    skipped.extend(overridden);
    Ok(CredentialConfig {
        source: found.source(),
        skipped,
        warnings,
        method,
        account,
        agency,
        operator,
        region: regions.region,
        project,
        project_domain,
        iam: addresses.iam,
        endpoint: addresses.ecs,
        gap: addresses.gap,
        iam_gap: addresses.iam_gap,
        addresses: region_addresses,
        metadata: options.metadata_endpoint.clone(),
        tls,
    })
}

impl Resolver<'_> {
    fn own(&self) -> Option<&Layer> {
        self.found.layer()
    }

    /// Returns the layers that complete the one of the credentials, in order, beginning with
    /// itself.
    fn layers(&self) -> Vec<&Layer> {
        let implicit = !self.found.named;
        let beside: &[usize] = match self.found.source() {
            CredentialSource::Options => &[HUAWEI_ENV, OPENSTACK_ENV, TERRAFORM_ENV],
            CredentialSource::Profile { .. } | CredentialSource::Metadata if implicit => {
                &[HUAWEI_ENV]
            }
            CredentialSource::Cloud { .. } if implicit => &[OPENSTACK_ENV],
            _ => &[],
        };
        let beside = beside.iter();
        let beside = beside.filter_map(|position| self.found.layers.get(*position));
        self.own().into_iter().chain(beside).collect()
    }

    fn warn(&mut self, kind: WarningKind, message: String) {
        self.warnings.push(Warning { kind, message });
    }

    /// Returns the account that the settings name.
    fn account(&self, method: Option<&AuthMethod>) -> Account {
        let Some(own) = self
            .own()
            .filter(|_| !matches!(method, Some(AuthMethod::Token(_))))
        else {
            return Account::default();
        };
        let user_domain = method::user_domain(own);
        let first = |fields: &[F]| {
            fields
                .iter()
                .find_map(|field| own.peek(*field))
                .map(str::to_owned)
        };
        let is_login = matches!(method, Some(AuthMethod::Login(_)));
        Account {
            user: first(&[F::UserId, F::UserName]).filter(|_| is_login),
            user_name: first(&[F::UserName]).filter(|_| is_login),
            domain: user_domain.as_ref().map(|domain| match domain {
                Reference::Id(item) | Reference::Name(item) => item.clone(),
            }),
            user_domain,
        }
    }

    /// Returns the project that the settings name. The option for it is applied later: with an
    /// agency it names another one.
    fn project(&mut self, method: Option<&AuthMethod>) -> Option<Project> {
        let is_login = matches!(method, Some(AuthMethod::Login(_) | AuthMethod::Exchange(_)));
        let found = self
            .layers()
            .into_iter()
            .enumerate()
            .find_map(|(at, layer)| {
                let field = if layer.has(F::ProjectId) {
                    F::ProjectId
                } else {
                    F::ProjectName
                };
                layer.setting(field)?;
                // Left to the option, which takes precedence.
                let of_login = at == 0 && self.own().is_some_and(|own| own.has(F::AgencyName));
                if self.options.project_id.is_some() && !of_login {
                    return None;
                }
                let reference = method::reference(layer, F::ProjectId, F::ProjectName)?;
                let borrowed = (at > 0 || self.own().is_none())
                    && matches!(self.found.family(), Family::Huawei);
                let project = Project {
                    name: is_login
                        .then(|| layer.take(F::ProjectName))
                        .flatten()
                        .map(str::to_owned),
                    reference,
                    origin: layer.origin(field),
                };
                Some((project, borrowed))
            });
        let (project, borrowed) = found?;
        if borrowed {
            let source = self.found.source();
            self.warn(
                WarningKind::Borrowed,
                format!(
                    "the project is that of {}, and the credentials come from {source}: the Huawei Cloud SDK would look for the \
                     project of the region",
                    project.origin
                ),
            );
        }
        Some(project)
    }

    fn regions(&mut self, project: Option<&Project>) -> Result<Regions, AuthError> {
        let own = self.layers().into_iter().find_map(|layer| {
            let region = layer.peek(F::Region)?;
            Some((Sourced::new(region, layer.origin(F::Region)), layer))
        });
        if let Some((_, layer)) = own.as_ref().filter(|_| self.options.region.is_none()) {
            layer.take(F::Region);
        }
        let own = own.map(|(region, _)| region);
        let of_iam = || {
            let mut layers = self.layers().into_iter();
            let region = layers.find_map(|layer| operators::region_of(layer.peek(F::Iam)?))?;
            Some(Sourced::new(region, "the address of IAM"))
        };
        let of_project = || match &project?.reference {
            Reference::Name(name) => {
                let region = operators::region_of_project(name)?;
                Some(Sourced::new(region, "the name of the project"))
            }
            Reference::Id(_) => None,
        };
        let found = own.or_else(of_iam).or_else(of_project);
        let given = self
            .options
            .region
            .as_ref()
            .map(|region| Sourced::new(region, GIVEN));
        let other = given.as_ref().and_then(|given| {
            let found = found.as_ref()?;
            (found.value != given.value).then(|| found.value.clone())
        });
        let region = match given.or(found) {
            Some(region) => Some(region),
            None => self.borrowed_region(),
        };
        check_region(region.as_ref().map(|region| region.value.as_str()))?;
        Ok(Regions { region, other })
    }

    /// Returns the region of another tool's variables, if nothing else names one.
    fn borrowed_region(&mut self) -> Option<Sourced> {
        let layers = [HUAWEI_ENV, OPENSTACK_ENV, TERRAFORM_ENV];
        let mut layers = layers
            .into_iter()
            .filter_map(|at| self.found.layers.get(at));
        let layer = layers.find(|layer| layer.has(F::Region))?;
        let region = Sourced::new(layer.take(F::Region)?, layer.origin(F::Region));
        let source = self.found.source();
        let metadata = source == CredentialSource::Metadata;
        let message = if metadata {
            format!(
                "the region is that of {}, and the credentials are those of this server",
                region
            )
        } else {
            format!(
                "the region is that of {region}, and the credentials come from {source}, which names none"
            )
        };
        self.warn(WarningKind::Borrowed, message);
        Some(region)
    }

    /// Drops the source's settings of its own region if another one is selected. A project that is
    /// given beside keys is kept, whatever the region.
    fn keep_apart(&mut self, regions: &Regions, project: &mut Option<Project>) {
        let (Some(other), Some(wanted)) = (&regions.other, &regions.region) else {
            return;
        };
        if self.found.family() == Family::Huawei || self.found.family() == Family::Options {
            return;
        }
        let is_of_wanted = |project: &Project| match &project.reference {
            Reference::Name(name) => {
                operators::region_of_project(name).as_ref() == Some(&wanted.value)
            }
            Reference::Id(_) => false,
        };
        let Some(dropped) = project.take_if(|project| !is_of_wanted(project)) else {
            return;
        };
        let (Reference::Id(value) | Reference::Name(value)) = &dropped.reference;
        let (origin, wanted) = (&dropped.origin, &wanted.value);
        let value = match &dropped.name {
            Some(name) if name != value => format!("{value} ({name})"),
            _ => value.clone(),
        };
        self.warn(
            WarningKind::UnusedProject,
            format!(
                "{origin} is {value}, a project of region {other}: the project of {wanted} is looked up instead"
            ),
        );
    }

    /// Applies the project of an option. With an agency it is a project of the agency's owner.
    fn give_project(&self, agency: &mut Option<Agency>, project: &mut Option<Project>) {
        let Some(id) = &self.options.project_id else {
            return;
        };
        if let Some(agency) = agency {
            agency.project = Some(Reference::id(id));
            agency.project_origin = GIVEN.to_owned();
        } else {
            *project = Some(Project {
                reference: Reference::id(id),
                name: None,
                origin: GIVEN.to_owned(),
            });
        }
    }
}

pub(super) fn check_region(region: Option<&str>) -> Result<(), AuthError> {
    match region {
        Some(name) if !operators::is_region(name) => Err(malformed(
            "the region has characters that no region has: it is a name such as eu-de",
        )),
        _ => Ok(()),
    }
}
