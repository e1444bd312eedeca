//! The names of servers.

use std::fmt;
use std::sync::Arc;

use ecs_model::ServerId;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The names of servers, for journals, events and reports: 20 bytes for each server, and its name.
/// Clones share them.
///
/// Serializes to an object with the ids as keys.
///
/// ```
/// use ecs_ops::journal::ServerNames;
/// use ecs_ops::model::ServerId;
///
/// let id: ServerId = "616fb98f-46ca-475e-917e-2563e5a8cd19".parse()?;
/// let names = ServerNames::from_iter([(id, "web-001")]);
/// assert_eq!(names.get(id), Some("web-001"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerNames(Arc<Table>);

#[derive(Default, PartialEq, Eq)]
struct Table {
    /// Sorted by id, each with the end of its name in the text; the name begins where the one before
    /// ends.
    ends: Vec<(ServerId, u32)>,
    text: Box<str>,
}

impl ServerNames {
    /// The name of a server, if it is known.
    pub fn get(&self, id: ServerId) -> Option<&str> {
        let ends = &self.0.ends;
        let index = ends.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.name_at(index)
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.0.ends.len()
    }

    /// Returns `true` if no name is known.
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// All names, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (ServerId, &str)> {
        let ids = self.0.ends.iter().enumerate();
        ids.filter_map(|(index, (id, _))| Some((*id, self.name_at(index)?)))
    }

    fn name_at(&self, index: usize) -> Option<&str> {
        let ends = &self.0.ends;
        let begin = index.checked_sub(1).and_then(|before| ends.get(before));
        let begin = begin.map_or(0, |(_, end)| *end);
        let (_, end) = ends.get(index)?;
        let range = usize::try_from(begin).ok()?..usize::try_from(*end).ok()?;
        self.0.text.get(range)
    }
}

impl<S: AsRef<str>> FromIterator<(ServerId, S)> for ServerNames {
    /// The first of two names for one server counts. Names beyond 4 GB of text are omitted.
    fn from_iter<I: IntoIterator<Item = (ServerId, S)>>(names: I) -> Self {
        let mut names: Vec<(ServerId, S)> = names.into_iter().collect();
        // Stable, so that the first one stays.
        names.sort_by_key(|(id, _)| *id);
        names.dedup_by_key(|(id, _)| *id);
        let mut ends = Vec::with_capacity(names.len());
        let length = names.iter().map(|(_, name)| name.as_ref().len()).sum();
        let mut text = String::with_capacity(length);
        for (id, name) in names {
            let name = name.as_ref();
            let Ok(end) = u32::try_from(text.len().saturating_add(name.len())) else {
                break;
            };
            text.push_str(name);
            ends.push((id, end));
        }
        Self(Arc::new(Table {
            ends,
            text: text.into_boxed_str(),
        }))
    }
}

impl fmt::Debug for ServerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for ServerNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for ServerNames {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = ServerNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of server ids and names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ServerNames, A::Error> {
        let mut names: Vec<(ServerId, String)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            names.push(entry);
        }
        let count = names.len();
        let names = ServerNames::from_iter(names);
        if names.len() < count {
            return Err(A::Error::custom("a server has two names"));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests;
