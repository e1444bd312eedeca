//! The operators of clouds with this API, their regions, and the hosts of their services.

use std::fmt;

use http::Uri;

mod table;

use crate::{AddressGap, Sourced};
use table::{Entry, OPERATORS};

/// Who runs a cloud. The table of all is in `docs/credentials.md`, with its sources.
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

    /// Returns the operator with this id, such as `otc`, or another name of it, such as
    /// `t-cloud-public`.
    pub fn by_id(id: &str) -> Option<Self> {
        let is_it = |entry: &Entry| entry.id == id || entry.aliases.contains(&id);
        Self::all().find(|operator| is_it(operator.0))
    }

    /// Returns the operators that have a region of this id.
    pub fn of_region(region: &str) -> Vec<Self> {
        Self::all()
            .filter(|operator| operator.0.regions.contains(&region))
            .collect()
    }

    /// Returns the operator whose services are at hosts like that of this address.
    pub fn of_address(address: &str) -> Option<Self> {
        let host = host(address)?;
        // The longest one: `sc.otc.t-systems.com` is below `otc.t-systems.com`.
        let longest = |operator: &Self| {
            let suffixes = operator.0.suffixes.iter();
            let fitting = suffixes.filter(|suffix| host.ends_with(**suffix));
            fitting.map(|suffix| suffix.len()).max()
        };
        let all = Self::all().filter_map(|operator| Some((longest(&operator)?, operator)));
        all.max_by_key(|(length, _)| *length)
            .map(|(_, operator)| operator)
    }

    /// Returns the id, as it is given in settings.
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

    /// Returns where regions and hosts are documented.
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

    /// Returns the operator that has the region, if it is this one or another of the same company.
    pub(crate) fn with_region(self, region: &str) -> Option<Self> {
        let mut siblings = Self::all().filter(|other| other.is_sibling_of(self));
        siblings.find(|other| other.0.regions.contains(&region))
    }

    /// Returns whether both are of one company.
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

/// Returns the ECS of a region beside an IAM: `https://iam.REGION.CLOUD/v3` has its ECS at
/// `https://ecs.REGION.CLOUD`.
pub(crate) fn ecs_beside(iam: &str, region: &str) -> Option<String> {
    if let Some(operator) = Operator::of_address(iam) {
        let operator = operator.with_region(region).unwrap_or(operator);
        return Some(operator.address("ecs", region));
    }
    let parts = IamHost::parse(iam)?;
    let cloud = match parts.region {
        // What looks like a region may be a part of the cloud's name.
        Some(other) if parts.stack && other != region => format!("{other}.{}", parts.cloud),
        _ => parts.cloud,
    };
    Some(format!("https://ecs.{region}.{cloud}"))
}

/// Returns the address of a service by the region alone, unless an address that is given is of
/// another cloud: credentials go to no host that nobody named.
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

/// Returns the same cloud's IAM in another region, if the address has a region in it; otherwise it
/// is that of all regions.
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

/// A host of IAM in its parts.
struct IamHost {
    region: Option<String>,
    cloud: String,
    /// Whether it is of Huawei Cloud Stack.
    stack: bool,
}

impl IamHost {
    /// `iam.REGION.CLOUD`; on Huawei Cloud Stack also `iam-apigateway-proxy.CLOUD`. `None` where nothing can be
    /// told: `iam.myhuaweicloud.com` is that of all regions.
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

/// A region may be named where only a project is: `eu-de_staging` is a project in `eu-de`.
pub(crate) fn region_of_project(name: &str) -> Option<String> {
    let region = name.split('_').next()?;
    (!Operator::of_region(region).is_empty()).then(|| region.to_owned())
}

/// Returns whether this can be the name of a region. It becomes a part of host names: with a dot or
/// a slash in it, credentials would go to whoever has the rest.
pub(crate) fn is_region(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests;
