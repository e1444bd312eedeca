//! Names that lists have beside ids, and their comparison with the service.

use std::collections::HashMap;
use std::rc::Rc;

use ecs_ops::model::{Server, ServerId};
use ecs_ops::selection::ServerRef;

use crate::clean::clean;
use crate::server_file::{Position, ServerEntry};

/// The end of a name that was cut to fit a table.
const ELLIPSIS: char = '…';

/// A name that a list has beside an id.
#[derive(Clone, Debug)]
struct ListedName {
    id: ServerId,
    name: String,
    file: Rc<str>,
    position: Position,
}

/// The names that lists have beside ids, in the order of the lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListedNames(Vec<ListedName>);

impl ListedNames {
    /// Adds the name of a row, if it has one.
    pub(crate) fn add(&mut self, file: &Rc<str>, entry: &ServerEntry) {
        if let (ServerRef::Id(id), Some(name)) = (&entry.server, &entry.name) {
            self.0.push(ListedName {
                id: *id,
                name: name.clone(),
                file: Rc::clone(file),
                position: entry.position,
            });
        }
    }

    /// Describes the rows whose name is not the one that the service has for their id. Servers that are not among
    /// `servers`, or without a name there, are not compared.
    pub(crate) fn differences<'a>(
        &self,
        servers: impl IntoIterator<Item = &'a Server>,
    ) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let names: HashMap<ServerId, &str> = servers
            .into_iter()
            .filter_map(|server| Some((server.id?, server.name.as_deref()?)))
            .collect();
        let listed = self.0.iter();
        let difference =
            |listed: &ListedName| {
                let name = *names.get(&listed.id)?;
                (!is_same(&listed.name, name)).then(|| {
                let ListedName { id, file, position, .. } = listed;
                format!(
                    "{file}:{position}: {id} is {:.80?} in the list and {name:.80?} in the project",
                    listed.name
                )
            })
            };
        listed.filter_map(difference).collect()
    }
}

/// Returns `true` if a listed name stands for the name of the service: lists trim it, `ecsctl` escapes it, and a table
/// may cut it.
fn is_same(listed: &str, name: &str) -> bool {
    let cleaned = clean(name);
    [name, &cleaned].into_iter().any(|name| {
        let (name, listed) = (name.trim(), listed.trim());
        let begins = |beginning: &str| name.starts_with(beginning.trim_end());
        name == listed || listed.strip_suffix(ELLIPSIS).is_some_and(begins)
    })
}

#[cfg(test)]
mod tests;
