//! The operators of clouds with this API, their regions, and the hosts of their services.

use std::fmt;

use http::Uri;

mod table;

use crate::{AddressGap, Sourced};
use table::{Entry, OPERATORS};

/// An operator of a cloud. `docs/credentials.md` has the table of all, with its sources.
///
/// ```
/// use ecs_auth::Operator;
///
/// let otc = Operator::by_id("otc").unwrap();
/// assert_eq!(otc.name(), "Open Telekom Cloud (T Cloud Public)");
/// assert_eq!(otc.regions(), ["eu-de", "eu-nl"]);
/// assert_eq!(Operator::of_region("eu-de"), [otc]);
/// assert_eq!(Operator::of_region("eu-west-0").len(), 2, "Orange and Huawei Cloud both have it");
/// ```
#[derive(Clone, Copy)]
pub struct Operator(&'static Entry);

impl Operator {
    /// Returns all operators.
    pub fn all() -> impl Iterator<Item = Self> {
        OPERATORS.iter().map(Self)
    }

    /// Returns the operator with this id, such as `otc`, or alias, such as `t-cloud-public`.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::all().find(|operator| operator.0.id == id || operator.0.aliases.contains(&id))
    }

    /// Returns the operators that have a region of this id.
    pub fn of_region(region: &str) -> Vec<Self> {
        Self::all()
            .filter(|operator| operator.0.regions.contains(&region))
            .collect()
    }

    /// Returns the operator whose hosts match this address.
    pub fn of_address(address: &str) -> Option<Self> {
        let host = host(address)?;
        // The longest suffix wins: `sc.otc.t-systems.com` is below `otc.t-systems.com`.
        let longest = |operator: &Self| {
            let suffixes = operator.0.suffixes.iter();
            let fitting = suffixes.filter(|suffix| host.ends_with(**suffix));
            fitting.map(|suffix| suffix.len()).max()
        };
        let all = Self::all().filter_map(|operator| Some((longest(&operator)?, operator)));
        all.max_by_key(|(length, _)| *length)
            .map(|(_, operator)| operator)
    }

    /// Returns the id, as used in settings.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// Returns the name for people.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns the ids of the regions.
    pub fn regions(self) -> &'static [&'static str] {
        self.0.regions
    }

    /// Returns the source that documents regions and hosts.
    pub fn reference(self) -> &'static str {
        self.0.reference
    }

    /// Returns the address of a service (`ecs`, `iam`) in a region.
    pub(crate) fn address(self, service: &str, region: &str) -> String {
        let service = match service {
            "iam" => self.0.iam,
            other => other,
        };
        let suffix = self.0.suffixes.first().copied().unwrap_or_default();
        format!("https://{service}.{region}{suffix}")
    }

    /// Returns the operator that has the region, if it is this one or a sibling.
    pub(crate) fn with_region(self, region: &str) -> Option<Self> {
        let mut siblings = Self::all().filter(|other| other.is_sibling_of(self));
        siblings.find(|other| other.0.regions.contains(&region))
    }

    /// Returns whether both belong to one company.
    pub(crate) fn is_sibling_of(self, other: Self) -> bool {
        self.0.company == other.0.company
    }
}

impl PartialEq for Operator {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Operator {}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operator({})", self.0.id)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

fn host(address: &str) -> Option<String> {
    let address = address.trim();
    let uri: Uri = if address.contains("://") {
        address.parse().ok()?
    } else {
        format!("https://{address}").parse().ok()?
    };
    Some(uri.host()?.to_ascii_lowercase())
}

/// Returns the address of ECS in a region beside an IAM: `https://iam.REGION.CLOUD/v3` has its ECS
/// at `https://ecs.REGION.CLOUD`.
pub(crate) fn ecs_beside(iam: &str, region: &str) -> Option<String> {
    if let Some(operator) = Operator::of_address(iam) {
        let operator = operator.with_region(region).unwrap_or(operator);
        return Some(operator.address("ecs", region));
    }
    let parts = IamHost::parse(iam)?;
    let cloud = match parts.region {
        // A part of the cloud's name may resemble a region.
        Some(other) if parts.stack && other != region => format!("{other}.{}", parts.cloud),
        _ => parts.cloud,
    };
    Some(format!("https://ecs.{region}.{cloud}"))
}

/// Derives the address of a service from the region alone, unless a given address is in another
/// cloud: credentials are never sent to a host that no setting implies.
pub(crate) fn derive(
    service: &str,
    region: Option<&str>,
    given: &[String],
    named: Option<Operator>,
) -> Result<Sourced, AddressGap> {
    let region = region.ok_or(AddressGap::NoRegion)?;
    let at = |operator: Operator| {
        let origin = format!("the region of {}", operator.name());
        Sourced::new(operator.address(service, region), origin)
    };
    let mut of_given = None;
    for address in given {
        let operator =
            Operator::of_address(address).and_then(|operator| operator.with_region(region));
        let operator = operator.ok_or_else(|| AddressGap::OtherCloud {
            region: region.to_owned(),
            address: address.clone(),
        })?;
        of_given = Some(operator);
    }
    let named = named.map(|operator| operator.with_region(region).unwrap_or(operator));
    if let Some(operator) = of_given.or(named) {
        return Ok(at(operator));
    }
    match Operator::of_region(region)[..] {
        [operator] => Ok(at(operator)),
        [] => Err(AddressGap::UnknownRegion {
            region: region.to_owned(),
        }),
        ref several => Err(AddressGap::AmbiguousRegion {
            region: region.to_owned(),
            operators: several.iter().map(|operator| operator.id()).collect(),
        }),
    }
}

/// Returns the same cloud's IAM in another region, if the address has a region in it; otherwise the
/// address, which serves all regions.
pub(crate) fn in_region(iam: &str, region: &str) -> String {
    let own = IamHost::parse(iam).filter(|parts| !parts.stack);
    let own = own.and_then(|parts| parts.region);
    let Some(own) = own.filter(|own| own != region) else {
        return iam.to_owned();
    };
    let sibling = Operator::of_address(iam).and_then(|operator| operator.with_region(region));
    sibling.map_or_else(
        || iam.replacen(&format!(".{own}."), &format!(".{region}."), 1),
        |operator| operator.address("iam", region),
    )
}

/// Returns the region that an address of IAM names.
pub(crate) fn region_of(iam: &str) -> Option<String> {
    IamHost::parse(iam)?.region
}

/// The parts of an IAM host.
struct IamHost {
    region: Option<String>,
    cloud: String,
    /// `true` if it belongs to a Huawei Cloud Stack.
    stack: bool,
}

impl IamHost {
    /// Parses `iam.REGION.CLOUD`; on Huawei Cloud Stack also `iam-apigateway-proxy.CLOUD`. `None`
    /// if the host does not name a region: `iam.myhuaweicloud.com` serves all regions.
    fn parse(iam: &str) -> Option<Self> {
        let host = host(iam)?;
        let (service, rest) = host.split_once('.')?;
        let stack = service == "iam-apigateway-proxy";
        if !stack && !matches!(service, "iam" | "iam-pub") {
            return None;
        }
        let (first, cloud) = rest.split_once('.')?;
        if first.contains('-') && cloud.contains('.') {
            return Some(Self {
                region: Some(first.to_owned()),
                cloud: cloud.to_owned(),
                stack,
            });
        }
        stack.then(|| Self {
            region: None,
            cloud: rest.to_owned(),
            stack,
        })
    }
}

/// Returns the region that a project's name contains: `eu-de_staging` is a project in `eu-de`.
pub(crate) fn region_of_project(name: &str) -> Option<String> {
    let region = name.split('_').next()?;
    (!Operator::of_region(region).is_empty()).then(|| region.to_owned())
}

/// Returns whether a text can be the name of a region. It becomes a part of host names: with a dot
/// or a slash in it, credentials would go to another host.
pub(crate) fn is_region(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests;
