//! The regions of a cloud, and the selected one.

use std::collections::BTreeMap;

use crate::config::conflict;
use crate::config::layer::Layer;
use crate::config::yaml::Node;
use crate::{AuthError, AuthErrorKind};

/// A region of a cloud, with its own settings.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) values: Node,
}

pub(super) struct Regions {
    known: Vec<Region>,
    /// `true` if the regions are a list, so that no other can be requested.
    listed: bool,
    /// `true` if `region_name` also names the first one.
    named: bool,
}

/// Returns the regions of a cloud: its list, else its region, else those of the vendor's profile.
pub(super) fn regions(
    own: &Node,
    of_vendor: Option<&Node>,
    of_profile: &[&str],
    layer: &mut Layer,
) -> Result<Regions, AuthError> {
    let named: Vec<String> = match own.get("region_name") {
        Some(Node::List(nodes)) => nodes
            .iter()
            .filter_map(|node| Some(node.text()?.to_string()))
            .collect(),
        Some(node) => node
            .text()
            .map(|names| {
                names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect()
            })
            .unwrap_or_default(),
        None => Vec::new(),
    };
    let list = match own.get("regions") {
        Some(Node::List(nodes)) => Some(listed(nodes, layer)?),
        _ => None,
    };
    if let Some(known) = list.filter(|known| !known.is_empty()) {
        if let (Some(first), Some(name)) = (known.first(), named.first())
            && first.name != *name
        {
            return Err(conflict(
                format!(
                    "{}: region_name is {name}, and openstacksdk acts on the first of regions, {} all the same: remove one \
                     of the two",
                    layer.source, first.name
                ),
                ["region_name", "regions"],
            ));
        }
        return Ok(Regions {
            known,
            listed: true,
            named: !named.is_empty(),
        });
    }
    let plain = |name: String| Region {
        name,
        values: Node::Map(BTreeMap::new()),
    };
    if !named.is_empty() {
        let listed = named.len() > 1;
        let known = named.into_iter().map(plain).collect();
        return Ok(Regions {
            known,
            listed,
            named: false,
        });
    }
    let known = match of_vendor {
        Some(Node::List(nodes)) => listed(nodes, layer)?,
        _ => of_profile
            .iter()
            .map(|name| plain((*name).to_owned()))
            .collect(),
    };
    // A vendor may have more regions than its profile lists.
    Ok(Regions {
        known,
        listed: false,
        named: false,
    })
}

fn listed(nodes: &[Node], layer: &Layer) -> Result<Vec<Region>, AuthError> {
    let mut regions = Vec::new();
    for node in nodes {
        let (name, values) = match node {
            Node::Map(entries) => (
                node.get("name").and_then(Node::text),
                entries
                    .get("values")
                    .filter(|node| matches!(node, Node::Map(_)))
                    .cloned(),
            ),
            node => (node.text(), None),
        };
        let Some(name) = name else {
            let message = format!("{}: an entry of regions has no name", layer.source);
            return Err(AuthError::new(AuthErrorKind::Malformed, message));
        };
        regions.push(Region {
            name: name.to_string(),
            values: values.unwrap_or_else(|| Node::Map(BTreeMap::new())),
        });
    }
    Ok(regions)
}

impl Regions {
    pub(super) fn choose(
        self,
        wanted: Option<&str>,
        layer: &mut Layer,
    ) -> Result<Option<Region>, AuthError> {
        let names: Vec<String> = self
            .known
            .iter()
            .map(|region| region.name.clone())
            .collect();
        let names = names.join(", ");
        let source = &layer.source;
        let mut known = self.known.into_iter();
        let Some(wanted) = wanted else {
            let first = known.next();
            let choice = self.listed && !self.named && names.contains(", ");
            if let Some(first) = first.as_ref().filter(|_| choice) {
                layer.warnings.push(format!(
                    "{source} lists the regions {names}: the first, {}, is used, as openstacksdk does",
                    first.name
                ));
            }
            return Ok(first);
        };
        let found = known.find(|region| region.name == wanted);
        if found.is_none() && self.listed {
            let message = format!("{source} has no region {wanted}, only: {names}");
            return Err(AuthError::new(AuthErrorKind::Malformed, message));
        }
        Ok(found)
    }
}
