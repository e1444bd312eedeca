//! `clouds.yaml`, overlaid by `secure.yaml` and based on `clouds-public.yaml`, as openstacksdk
//! 4.22.0 reads them (`config/loader.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::fields::{Field, OPENSTACK, OTHER_AUTH, is_first_beside_auth, is_known};
use super::layer::{CredentialSource, Layer, Setting};
use super::yaml::{self, Node};
use super::{missing_source, unreadable};
use crate::environment::{CLOUDS_FILE, Environment, File, SECURE_FILE};
use crate::{AuthError, AuthErrorKind};

mod regions;

use regions::regions;

/// The described clouds, and their file.
pub(super) struct Clouds {
    pub(super) path: PathBuf,
    /// Another file of this kind, which is not read.
    pub(super) hidden: Option<PathBuf>,
    clouds: Node,
    /// The clouds of vendors, from `clouds-public.yaml`.
    vendors: Node,
    pub(super) warnings: Vec<String>,
}

/// A cloud's settings, and the regions that it lists.
pub(super) struct Cloud {
    pub(super) layer: Layer,
    /// A vendor's profile that is built in, so that no file needs its addresses.
    pub(super) vendor: Option<&'static BuiltIn>,
}

/// A profile that is built into openstacksdk 4.22.0 (`config/vendors/*.json`).
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) auth_url: &'static str,
    regions: &'static [&'static str],
}

const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        name: "otc",
        auth_url: "https://iam.{region_name}.otc.t-systems.com/v3",
        regions: &["eu-de", "eu-nl"],
    },
    BuiltIn {
        name: "otc-swiss",
        // The SDK's own value has no scheme, which breaks every login.
        auth_url: "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3",
        regions: &["eu-ch2"],
    },
];

/// Returns the built-in profile of this name.
pub(super) fn built_in(name: &str) -> Option<&'static BuiltIn> {
    const TABLE: &[BuiltIn] = &BUILT_IN;
    TABLE.iter().find(|profile| profile.name == name)
}

impl Clouds {
    /// Loads the files. `None` if there is no `clouds.yaml` (and no `secure.yaml`). An unreadable
    /// one is an error: the SDK continues with the next file, which may describe another account.
    pub(super) fn load(environment: &Environment) -> Result<Option<Self>, AuthError> {
        let files = [
            (CLOUDS_FILE, environment.clouds_files()),
            (SECURE_FILE, environment.secure_files()),
        ];
        let mut loaded: Option<Self> = None;
        for (variable, paths) in files {
            super::check_named_file(environment, variable)?;
            let Some((path, file)) = first(environment, paths.clone()) else {
                continue;
            };
            let later = paths.into_iter().skip_while(|other| *other != path).skip(1);
            let hidden = first(environment, later.collect()).map(|(path, _)| path);
            let document = read(file, &path)?;
            let mut warnings = open_to_others(file, &path);
            let shown = path.display();
            let more = document.warnings.into_iter();
            warnings.extend(more.map(|warning| format!("{shown}: {warning}")));
            match &mut loaded {
                Some(loaded) => {
                    loaded.clouds.overlay(document.root);
                    loaded.warnings.extend(warnings);
                }
                None => {
                    loaded = Some(Self {
                        path,
                        hidden,
                        clouds: document.root,
                        vendors: Node::Null,
                        warnings,
                    });
                }
            }
        }
        if let Some(loaded) = &mut loaded
            && let Some((path, file)) = first(environment, environment.vendor_files())
        {
            loaded.vendors = read(file, &path)?.root;
        }
        Ok(loaded)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let clouds = self.clouds.get("clouds");
        clouds.into_iter().flat_map(Node::names).collect()
    }

    /// Returns the settings of a cloud in the requested region, or in the first one that it names.
    pub(super) fn cloud(&self, name: &str, region: Option<&str>) -> Result<Cloud, AuthError> {
        let source = CredentialSource::Cloud {
            name: name.to_owned(),
            file: self.path.clone(),
        };
        let clouds = self.clouds.get("clouds");
        let Some(own) = clouds.and_then(|clouds| clouds.get(name)) else {
            let present = self.names().into_iter().map(str::to_owned).collect();
            let hidden = self
                .hidden
                .as_ref()
                .map(|path| format!(" ({} is not read beside it)", path.display()));
            let hidden = hidden.unwrap_or_default();
            let message = match self.names()[..] {
                [] => format!(
                    "{} describes no cloud, and {name} is requested{hidden}",
                    self.path.display()
                ),
                _ => format!(
                    "{} has no cloud {name}, only: {}{hidden}",
                    self.path.display(),
                    self.names().join(", ")
                ),
            };
            return Err(missing_source(name, present, message));
        };
        if !matches!(own, Node::Map(_)) {
            let message = format!("{source} is no map of settings");
            return Err(unreadable(&self.path, message));
        }
        let own = with_underscores(own);
        let mut layer = Layer::new(source);
        layer.warnings.extend(self.warnings.iter().cloned());
        let (mut merged, vendor) = self.vendor(&own, &mut layer)?;
        let of_profile = vendor.map_or(&[][..], |vendor| vendor.regions);
        let regions = regions(&own, merged.get("regions"), of_profile, &mut layer)?;
        merged.overlay(own);
        if !matches!(merged.get("auth"), Some(Node::Map(_) | Node::Null) | None) {
            let message = format!("{}: auth is no map of settings", layer.source);
            return Err(unreadable(&self.path, message));
        }
        let chosen = regions.choose(region, &mut layer)?;
        if let Some(chosen) = chosen {
            merged.overlay(with_underscores(&chosen.values));
            if let (Node::Map(entries), false) = (&mut merged, chosen.name.is_empty()) {
                let name = Zeroizing::new(chosen.name);
                let node = Node::Text {
                    text: name,
                    plain: false,
                };
                entries.insert("region_name".to_owned(), node);
            }
        }
        collect(&merged, &mut layer)?;
        // Its settings are part of the cloud's, or a warning is given.
        let of_vendor = layer
            .settings
            .iter()
            .filter(|setting| setting.field == Field::Vendor);
        of_vendor.for_each(Setting::account_for);
        Ok(Cloud { layer, vendor })
    }

    /// Returns the vendor's profile, which all other settings override.
    fn vendor(
        &self,
        own: &Node,
        layer: &mut Layer,
    ) -> Result<(Node, Option<&'static BuiltIn>), AuthError> {
        let empty = || Node::Map(BTreeMap::new());
        let names = ["profile", "cloud", "vendor"].into_iter();
        let mut names = names.filter_map(|key| own.get(key)?.text());
        let Some(name) = names.next() else {
            return Ok((empty(), None));
        };
        let public = self.vendors.get("public-clouds");
        if let Some(described) = public.and_then(|clouds| clouds.get(name)) {
            return Ok((with_underscores(described), None));
        }
        if let Some(profile) = built_in(name) {
            return Ok((empty(), Some(profile)));
        }
        let own_address = own
            .get("auth")
            .and_then(|auth| auth.get("auth_url")?.text());
        let source = layer.source.clone();
        if own_address
            .or_else(|| own.get("auth_url")?.text())
            .is_none()
        {
            let message = format!(
                "{source}: the addresses of profile {} are not known: give auth_url beside it, or describe the profile in \
                 clouds-public.yaml",
                name.as_str()
            );
            return Err(AuthError::new(AuthErrorKind::Malformed, message));
        }
        layer.warnings.push(format!(
            "{source}: profile {} is not known, and its settings are not used",
            name.as_str()
        ));
        Ok((empty(), None))
    }
}

/// Replaces each `-` in the keys of a cloud by `_`. If both spellings exist, the one with dashes
/// takes precedence, as in the SDK.
fn with_underscores(node: &Node) -> Node {
    let Node::Map(entries) = node else {
        return node.clone();
    };
    let mut normal = BTreeMap::new();
    let (dashed, plain): (Vec<_>, Vec<_>) =
        entries.iter().partition(|(name, _)| name.contains('-'));
    for (name, node) in plain.into_iter().chain(dashed) {
        let node = if name == "auth" {
            with_underscores(node)
        } else {
            node.clone()
        };
        normal.insert(name.replace('-', "_"), node);
    }
    Node::Map(normal)
}

/// Fills the layer with the settings of a cloud, in order of precedence.
fn collect(cloud: &Node, layer: &mut Layer) -> Result<(), AuthError> {
    if let Some(Node::Map(entries)) = cloud.get("auth") {
        let named = |name: &&String| !is_known(OPENSTACK, name);
        let unknown = entries.keys().filter(named);
        let unknown = unknown.filter(|name| !OTHER_AUTH.contains(&name.as_str()));
        let source = layer.source.clone();
        layer.warnings.extend(
            unknown.map(|name| {
                format!("{source}: {name} in auth is not a known setting and is ignored")
            }),
        );
    }
    for (field, names) in OPENSTACK {
        for name in *names {
            let within = cloud.get("auth").and_then(|auth| auth.get(name));
            let beside = cloud.get(name);
            let both = [
                (within, format!("{name} in auth")),
                (beside, (*name).to_owned()),
            ];
            let differ = matches!((within.and_then(Node::text), beside.and_then(Node::text)), (Some(one), Some(other)) if one != other);
            let order = if is_first_beside_auth(*field) {
                [1, 0]
            } else {
                [0, 1]
            };
            for at in order {
                let (node, shown) = &both[at];
                let shown = if differ { shown.as_str() } else { *name };
                if let Some(setting) = setting(*field, shown, *node, layer)? {
                    layer.settings.push(setting);
                }
            }
        }
    }
    Ok(())
}

fn setting(
    field: Field,
    name: &str,
    node: Option<&Node>,
    layer: &mut Layer,
) -> Result<Option<Setting>, AuthError> {
    let wrong = |problem: &str| {
        let message = format!("{}: {name} {problem}", layer.source);
        Err(AuthError::new(AuthErrorKind::Malformed, message))
    };
    match node {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text { text, .. }) if text.is_empty() => Ok(None),
        Some(Node::Text { text, plain }) => {
            let boolean = matches!(
                field,
                Field::Verify | Field::Insecure | Field::IdentityVersion
            );
            if *plain && !boolean && yaml::is_other_than_text(text) {
                layer.warnings.push(format!(
                    "{}: {name} is taken literally; openstacksdk reads another value: put it in quotes",
                    layer.source
                ));
            }
            Ok(Some(Setting::new(field, name, text.clone())))
        }
        Some(Node::Tagged(tag)) => wrong(&format!(
            "has the tag {tag}, and what it stands for is not known here: decrypt it, or give the value itself"
        )),
        Some(Node::List(nodes)) if field == Field::AuthMethods => {
            let names = nodes.iter().filter_map(Node::text);
            let names: Vec<&str> = names.map(|name| name.as_str()).collect();
            Ok(Some(Setting::new(
                field,
                name,
                Zeroizing::new(names.join(",")),
            )))
        }
        Some(_) => wrong("is a list or a map where a text should be"),
    }
}

fn first(environment: &Environment, paths: Vec<PathBuf>) -> Option<(PathBuf, &File)> {
    paths
        .into_iter()
        .find_map(|path| Some((environment.file(&path)?, path)))
        .map(|(file, path)| (path, file))
}

fn read(file: &File, path: &Path) -> Result<yaml::Document, AuthError> {
    let problem = match &file.text {
        Ok(text) => match yaml::parse_file(path, text) {
            Ok(document) => return Ok(document),
            Err(problem) => problem,
        },
        Err(problem) => problem.clone(),
    };
    Err(unreadable(
        path,
        format!("{} cannot be read: {problem}", path.display()),
    ))
}

pub(super) fn open_to_others(file: &File, path: &Path) -> Vec<String> {
    let warning = file.readable_by_others.then(|| {
        let path = path.display();
        format!("{path} is readable by other users; fix it with: chmod 600 {path}")
    });
    warning.into_iter().collect()
}
