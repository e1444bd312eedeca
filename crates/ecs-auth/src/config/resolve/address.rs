//! The addresses of IAM and ECS.

use super::{
    AddressGap, AuthError, AuthMethod, CredentialSource, F, Family, GIVEN, Layer, Regions,
    Resolver, Sourced, WarningKind, checked_address, malformed, operators,
};
use crate::AuthReason;
use crate::config::clouds::BuiltIn;

/// Both addresses, and why one is not known.
pub(super) struct Addresses {
    pub(super) iam: Option<Sourced>,
    pub(super) ecs: Option<Sourced>,
    pub(super) gap: Option<AddressGap>,
    pub(super) iam_gap: Option<AddressGap>,
}

impl Resolver<'_> {
    pub(super) fn resolve_addresses(
        &mut self,
        regions: &Regions,
        method: Option<&AuthMethod>,
    ) -> Result<Addresses, AuthError> {
        let region = regions.region.as_ref().map(|region| region.value.as_str());
        let named_iam = self.named_iam(regions)?;
        let named_ecs = self.named_ecs(regions)?;
        let given: Vec<String> = [&named_iam, &named_ecs]
            .into_iter()
            .flatten()
            .map(|address| address.value.clone())
            .collect();
        let derive = |service| operators::derive(service, region, &given, self.operator);
        let beside = || {
            let address = operators::ecs_beside(&named_iam.as_ref()?.value, region?)?;
            Some(Sourced::new(address, "the address of IAM"))
        };
        let mut gap = None;
        let ecs = named_ecs
            .clone()
            .or_else(beside)
            .or_else(|| match derive("ecs") {
                Ok(address) => Some(address),
                Err(reason) => {
                    gap = Some(reason);
                    None
                }
            });
        let is_named = named_iam.is_some();
        let mut iam_gap = None;
        let iam = named_iam.or_else(|| match derive("iam") {
            Ok(address) => Some(address),
            Err(reason) => {
                iam_gap = Some(reason);
                None
            }
        });
        let sends_a_secret = matches!(method, Some(AuthMethod::Login(_) | AuthMethod::Exchange(_)));
        if let Some(iam) = iam
            .as_ref()
            .filter(|_| !is_named && sends_a_secret && self.operator.is_none())
        {
            let message = format!(
                "no address of IAM is given: the login goes to {}, which follows from the region; openstacksdk would refuse",
                iam.value
            );
            self.warn(WarningKind::Derived, message);
        }
        Ok(Addresses {
            iam,
            ecs,
            gap,
            iam_gap,
        })
    }

    /// Returns the address of IAM that a setting names, in the selected region.
    fn named_iam(&mut self, regions: &Regions) -> Result<Option<Sourced>, AuthError> {
        if let Some(given) = &self.options.iam_endpoint {
            let address = checked_address("IAM", given)?;
            return Ok(Some(Sourced::new(address, GIVEN)));
        }
        let region = regions.region.as_ref().map(|region| region.value.as_str());
        let address = match self.iam_of_layers(region)? {
            Some(address) => Some(address),
            None => self.other_iam(region),
        };
        let Some(mut address) = address else {
            return Ok(None);
        };
        address.value = checked_address("IAM", &address.value)?;
        if let (Some(_), Some(wanted)) = (&regions.other, region) {
            address.value = operators::in_region(&address.value, wanted);
        }
        Ok(Some(address))
    }

    fn iam_of_layers(&self, region: Option<&str>) -> Result<Option<Sourced>, AuthError> {
        for (at, layer) in self.layers().into_iter().enumerate() {
            let Some(address) = layer.peek(F::Iam) else {
                continue;
            };
            let own = (at == 0 && self.own().is_some()) || self.found.family() == Family::OpenStack;
            // Another source's address is ignored if it is in another region.
            let of_address = operators::region_of(address);
            if !own && of_address.is_some_and(|other| region.is_some_and(|region| region != other))
            {
                continue;
            }
            let address = fill(layer, address, region)?;
            layer.take(F::Iam);
            return Ok(Some(Sourced::new(address, layer.origin(F::Iam))));
        }
        Ok(None)
    }

    /// Returns the address of IAM from a vendor's profile, a cloud's domain, or the SDK's file.
    fn other_iam(&self, region: Option<&str>) -> Option<Sourced> {
        if let Some(vendor) = self.vendor() {
            let layers = self.layers();
            let layer = layers.into_iter().find(|layer| layer.has(F::Vendor))?;
            layer.take(F::Vendor);
            let origin = layer.origin(F::Vendor);
            if vendor.name == "otc" {
                // The regions of Open Telekom Cloud have one pattern each.
                let own = operators::in_region("https://iam.eu-de.otc.t-systems.com/v3", region?);
                return Some(Sourced::new(own, origin));
            }
            return Some(Sourced::new(vendor.auth_url, origin));
        }
        if let Some(own) = self.own().filter(|own| own.has(F::CloudDomain)) {
            let (region, domain) = (region?, own.take(F::CloudDomain)?);
            return Some(Sourced::new(
                format!("https://iam.{region}.{domain}"),
                "HW_CLOUD",
            ));
        }
        let reads_file = matches!(self.found.family(), Family::Huawei | Family::Options);
        let in_file = self
            .addresses
            .in_file("IAM", region?)
            .filter(|_| reads_file);
        in_file.cloned()
    }

    /// Returns the built-in vendor profile, of the cloud or in the environment.
    fn vendor(&self) -> Option<&'static BuiltIn> {
        let of_environment = || {
            let own = self.own()?;
            let environment = own.source == CredentialSource::OpenStackEnvironment;
            crate::config::clouds::built_in(own.peek(F::Vendor).filter(|_| environment)?)
        };
        self.found.vendor.or_else(of_environment)
    }

    /// Returns the address of ECS that a setting names.
    fn named_ecs(&mut self, regions: &Regions) -> Result<Option<Sourced>, AuthError> {
        if let Some(given) = &self.options.endpoint {
            let address = checked_address("ECS", given)?;
            return Ok(Some(Sourced::new(address, GIVEN)));
        }
        let region = regions.region.as_ref().map(|region| region.value.as_str());
        let own = self.layers().into_iter().find_map(|layer| {
            let address = layer.take(F::Ecs)?;
            Some(Sourced::new(address, layer.origin(F::Ecs)))
        });
        let own = match (&regions.other, own) {
            (Some(other), Some(own)) => {
                let message = format!("{own} is not used: it is of region {other}");
                self.warn(WarningKind::Unused, message);
                None
            }
            (_, own) => own,
        };
        let sdk = region.and_then(|region| self.sdk_ecs(region));
        if let (Some(own), Some(sdk)) = (&own, &sdk)
            && own.value != sdk.value
        {
            let message = format!("{sdk} is not used: {} takes precedence", own.origin);
            self.warn(WarningKind::Unused, message);
        }
        let of_domain = || {
            let (region, domain) = (region?, self.own()?.take(F::CloudDomain)?);
            Some(Sourced::new(
                format!("https://ecs.{region}.{domain}"),
                "HW_CLOUD",
            ))
        };
        let Some(mut address) = own.or(sdk).or_else(of_domain) else {
            return Ok(None);
        };
        address.value = checked_address("ECS", &address.value)?;
        if let Some(cut) = without_api_path(&address.value) {
            let message = format!("the path of {address} is not used: requests have their own");
            self.warn(WarningKind::Unused, message);
            address.value = cut;
        }
        Ok(Some(address))
    }

    /// Returns the address in the variables or the file of the Huawei Cloud SDK. The file is not
    /// used with other tools' credentials.
    fn sdk_ecs(&mut self, region: &str) -> Option<Sourced> {
        let reads_file = matches!(self.found.family(), Family::Huawei | Family::Options);
        if reads_file {
            return self.addresses.ecs(region).cloned();
        }
        if let Some(in_file) = self.addresses.in_file("ECS", region).cloned() {
            let source = self.found.source();
            self.warn(
                WarningKind::Unused,
                format!("{in_file} is not used: the credentials come from {source}"),
            );
        }
        self.addresses.variable(region).cloned()
    }
}

/// Replaces `{region_name}` in an address of `clouds.yaml` by the region. openstacksdk does not
/// replace it in variables.
fn fill(layer: &Layer, address: &str, region: Option<&str>) -> Result<String, AuthError> {
    if !address.contains(['{', '}']) {
        return Ok(address.to_owned());
    }
    let origin = layer.origin(F::Iam);
    let is_cloud = matches!(layer.source, CredentialSource::Cloud { .. });
    let filled = region.map(|region| address.replace("{region_name}", region));
    match filled.filter(|filled| is_cloud && !filled.contains(['{', '}'])) {
        Some(filled) => Ok(filled),
        None if is_cloud && region.is_none() => Err(AuthError::malformed(
            format!("{origin} needs the region, and none is named"),
            AuthReason::AddressUnknown {
                service: "IAM",
                gap: AddressGap::NoRegion,
            },
        )),
        None => Err(malformed(format!(
            "{origin} has braces in it: only {{region_name}}, in clouds.yaml, stands for something"
        ))),
    }
}

/// Removes the path of an address in the form of a service catalogue, `https://HOST/v1/PROJECT`.
fn without_api_path(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let first = path.split('/').next().unwrap_or_default();
    let is_version = matches!(first, "v1" | "v1.1" | "v2" | "v2.1");
    is_version.then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::without_api_path;

    #[test]
    fn only_the_path_of_this_api_is_cut() {
        for (address, cut) in [
            ("https://h/v1/PROJECT", Some("https://h")),
            ("https://h:8443/v2.1/PROJECT", Some("https://h:8443")),
            ("https://h/v1", Some("https://h")),
            ("https://h/gw", None),
            ("https://h/", None),
            ("https://h", None),
        ] {
            assert_eq!(without_api_path(address).as_deref(), cut, "{address}");
        }
    }
}
