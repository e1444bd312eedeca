//! Files of the Huawei Cloud tools: profiles, addresses of regions, KooCLI.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use super::clouds::open_to_others;
use super::fields::{KOOCLI, PROFILE, is_known};
use super::layer::{CredentialSource, Layer};
use super::yaml::{self, Node};
use super::{check_named_file, ini, malformed, unreadable};
use crate::environment::{Environment, PROFILE_FILE, REGIONS_FILE};
use crate::{AuthError, Sourced};

/// The default section of `~/.huaweicloud/credentials`, and the one that the SDK's own client
/// builder reads instead.
const DEFAULT_PROFILES: [&str; 2] = ["basic", "basiccredentials"];

/// A profile, or why it does not exist.
pub(super) type Found<T> = Result<T, String>;

/// Returns the profile of this name, or the default.
pub(super) fn profile(
    environment: &Environment,
    name: Option<&str>,
) -> Result<Found<Layer>, AuthError> {
    let Some(path) = environment.profile_file() else {
        return Ok(Err("there is no home directory".to_owned()));
    };
    let Some(file) = environment.file(&path) else {
        check_named_file(environment, PROFILE_FILE)?;
        return Ok(Err(format!("there is no {}", path.display())));
    };
    let shown = path.display();
    let cannot = |problem: &str| unreadable(&path, format!("{shown} cannot be read: {problem}"));
    let text = file.text.as_ref().map_err(|problem| cannot(problem))?;
    let sections = ini::parse(text).map_err(|problem| cannot(&problem))?;
    let names: Vec<&str> = sections.keys().map(String::as_str).collect();
    let wanted: Vec<&str> = name.map_or(DEFAULT_PROFILES.to_vec(), |name| vec![name]);
    let Some(chosen) = wanted.iter().find(|name| sections.contains_key(**name)) else {
        let others = if names.is_empty() {
            String::new()
        } else {
            format!(", only: {}", names.join(", "))
        };
        let wanted = wanted.first().copied().unwrap_or_default();
        return Ok(Err(format!("{shown} has no [{wanted}]{others}")));
    };
    let source = CredentialSource::Profile {
        name: (*chosen).to_owned(),
        file: path.clone(),
    };
    let section = &sections[*chosen];
    let mut layer = Layer::collect(source, PROFILE, |name| section.get(name).cloned());
    layer.warnings.extend(open_to_others(file, &path));
    let unknown = section.keys().filter(|key| !is_known(PROFILE, key));
    layer.warnings.extend(unknown.map(|key| {
        format!("{key} in [{chosen}] of {shown} is not a known setting and is ignored")
    }));
    let other = sections.get(DEFAULT_PROFILES[1]);
    if name.is_none()
        && *chosen == DEFAULT_PROFILES[0]
        && let Some(other) = other.filter(|other| other.get("ak") != section.get("ak"))
    {
        let key = other.get("ak").map_or("no ak", |key| key.as_str());
        layer.warnings.push(format!(
            "{shown} has [basic] and [basiccredentials]: [basic] is used, and access key {key} of the other is not; the \
             Huawei Cloud SDK uses the one or the other, by how its client is built"
        ));
    }
    Ok(Ok(layer))
}

/// Returns the names of the profiles, as far as they are readable.
pub(super) fn profile_names(environment: &Environment) -> Vec<String> {
    let file = environment.profile_file();
    let file = file.as_deref().and_then(|path| environment.file(path));
    let sections = file.and_then(|file| ini::parse(file.text.as_ref().ok()?).ok());
    sections.map_or_else(Vec::new, |sections| sections.into_keys().collect())
}

/// Returns the KooCLI profile of this name, or the current one.
pub(super) fn koocli(
    environment: &Environment,
    name: Option<&str>,
) -> Result<Found<Layer>, AuthError> {
    let Some(path) = environment.koocli_file() else {
        return Ok(Err("there is no home directory".to_owned()));
    };
    let shown = path.display();
    let Some(file) = environment.file(&path) else {
        return Ok(Err(format!("there is no {shown}")));
    };
    let cannot = |problem: &str| unreadable(&path, format!("{shown} cannot be read: {problem}"));
    let text = file.text.as_ref().map_err(|problem| cannot(problem))?;
    let root: Value = serde_json::from_str(text).map_err(|_| cannot("it is not JSON"))?;
    let current = root.get("current").and_then(Value::as_str);
    let wanted = name.or(current).unwrap_or("default");
    let profiles = root.get("profiles").and_then(Value::as_array);
    let name_of = |profile: &Value| {
        profile
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut all = profiles.into_iter().flatten();
    let Some(profile) = all.find(|profile| name_of(profile).as_deref() == Some(wanted)) else {
        return Ok(Err(format!("{shown} has no profile {wanted}")));
    };
    let source = CredentialSource::KooCli {
        name: wanted.to_owned(),
        file: path.clone(),
    };
    let text = |name: &str| match profile.get(name)? {
        Value::String(text) => Some(Zeroizing::new(text.clone())),
        Value::Bool(true) => Some(Zeroizing::new("true".to_owned())),
        _ => None,
    };
    let holds_keys = text("accessKeyId").is_some_and(|key| !key.is_empty());
    let mode = text("mode").unwrap_or_default();
    if mode.eq_ignore_ascii_case("SSO") {
        return Err(malformed(format!(
            "{source} logs in by single sign-on, which is not supported: give an access key, or a token"
        )));
    }
    let encrypted = root.get("authEncrypt");
    if holds_keys && encrypted.is_some_and(|flag| flag == &Value::Bool(true) || flag == "true") {
        return Err(malformed(format!(
            "{source} is encrypted, and only KooCLI can read it: hcloud configure set --cli-auth-encrypt=false writes it in \
             plain text; or give the access key in another way"
        )));
    }
    let mut layer = Layer::collect(source, KOOCLI, text);
    layer.warnings.extend(open_to_others(file, &path));
    Ok(if holds_keys {
        Ok(layer)
    } else {
        Err(format!("profile {wanted} in {shown} has no access key"))
    })
}

const ECS_OF_REGION: &str = "HUAWEICLOUD_SDK_REGION_ECS_";

/// Addresses of services in single regions, in the form of the Huawei Cloud SDK: variables, and
/// `regions.yaml`.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionAddresses {
    /// By the region as spelled in variables: `EU_DE`.
    variables: BTreeMap<String, Sourced>,
    /// By service and region.
    file: BTreeMap<(String, String), Sourced>,
    pub(super) warnings: Vec<String>,
}

impl RegionAddresses {
    pub(super) fn load(environment: &Environment) -> Result<Self, AuthError> {
        let mut addresses = Self::default();
        for (name, value) in environment.with_prefix(ECS_OF_REGION) {
            let region = name.trim_start_matches(ECS_OF_REGION).to_owned();
            let mut several = value.split(',').map(str::trim);
            let first = several.next().unwrap_or_default();
            if several.next().is_some() {
                addresses.warnings.push(format!(
                    "{name} names several addresses: only the first, {first}, is used"
                ));
            }
            addresses
                .variables
                .insert(region, Sourced::new(first, name));
        }
        check_named_file(environment, REGIONS_FILE)?;
        let Some(path) = environment.regions_file() else {
            return Ok(addresses);
        };
        if let Some(file) = environment.file(&path) {
            let shown = path.display();
            let cannot =
                |problem: &str| unreadable(&path, format!("{shown} cannot be read: {problem}"));
            let text = file.text.as_ref().map_err(|problem| cannot(problem))?;
            let document = yaml::parse_file(&path, text).map_err(|problem| cannot(&problem))?;
            addresses.read(&document.root, &path);
        }
        Ok(addresses)
    }

    fn read(&mut self, root: &Node, path: &Path) {
        for (service, regions) in root.entries() {
            let Node::List(regions) = regions else {
                continue;
            };
            for region in regions {
                let Some(id) = region.get("id").and_then(Node::text) else {
                    continue;
                };
                let list = match region.get("endpoints") {
                    Some(Node::List(nodes)) => nodes.first().and_then(Node::text),
                    _ => None,
                };
                let address = list.or_else(|| region.get("endpoint")?.text());
                if let Some(address) = address {
                    let origin =
                        format!("{service} of region {} in {}", id.as_str(), path.display());
                    let key = (service.to_uppercase(), id.to_string());
                    self.file
                        .insert(key, Sourced::new(address.as_str(), origin));
                }
            }
        }
    }

    /// Returns the variable for ECS in a region.
    pub(super) fn variable(&self, region: &str) -> Option<&Sourced> {
        self.variables.get(&region.to_uppercase().replace('-', "_"))
    }

    /// Returns the address of a service in a region from the file.
    pub(super) fn in_file(&self, service: &str, region: &str) -> Option<&Sourced> {
        self.file.get(&(service.to_owned(), region.to_owned()))
    }

    /// Returns the address of ECS in a region: the variable takes precedence over the file.
    pub(super) fn ecs(&self, region: &str) -> Option<&Sourced> {
        self.variable(region)
            .or_else(|| self.in_file("ECS", region))
    }
}
