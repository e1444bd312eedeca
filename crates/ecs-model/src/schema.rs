//! Schemas of requests, as a service checks them.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::ServerId;
use crate::validate::{ValidationError, Violation, descend, quoted};

/// The schema of a request's JSON. Closed: an unlisted field is a violation. The generated
/// operations hold one for each request body.
#[derive(Debug)]
pub(crate) enum Schema {
    Object(&'static [Field]),
    /// A list; with `unique`, the text of that field (compared without regard to case) must differ
    /// between its elements.
    List {
        items: &'static Schema,
        min: usize,
        max: usize,
        unique: Option<&'static str>,
    },
    OneOf(&'static [&'static str]),
    ServerId,
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) schema: Schema,
}

impl Schema {
    /// Parses a body and collects all violations. Of a duplicate key the last one counts.
    pub(crate) fn parse(&self, body: &[u8]) -> Result<Value, ValidationError> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            ValidationError::one(Violation::new("", format!("not JSON: {error}")))
        })?;
        let mut violations = Vec::new();
        self.check(&value, &mut String::new(), &mut violations);
        ValidationError::check(violations).map(|()| value)
    }

    fn check(&self, value: &Value, pointer: &mut String, found: &mut Vec<Violation>) {
        let mut wrong = |message: String| found.push(Violation::new(pointer.as_str(), message));
        match (self, value) {
            (Self::Object(fields), Value::Object(object)) => {
                for field in *fields {
                    let parent = descend(pointer, field.name);
                    match object.get(field.name) {
                        Some(value) => field.schema.check(value, pointer, found),
                        None if field.required => {
                            found.push(Violation::new(pointer.as_str(), "missing"))
                        }
                        None => {}
                    }
                    pointer.truncate(parent);
                }
                for key in object
                    .keys()
                    .filter(|key| fields.iter().all(|field| field.name != *key))
                {
                    let parent = descend(pointer, key);
                    found.push(Violation::new(
                        pointer.as_str(),
                        "not a field of this request",
                    ));
                    pointer.truncate(parent);
                }
            }
            (
                Self::List {
                    items,
                    min,
                    max,
                    unique,
                },
                Value::Array(list),
            ) => {
                if list.len() < *min {
                    wrong(format!(
                        "at least {min} is needed, there are {}",
                        list.len()
                    ));
                }
                if list.len() > *max {
                    wrong(format!(
                        "at most {max} are allowed, there are {}",
                        list.len()
                    ));
                }
                for (index, value) in list.iter().enumerate() {
                    let parent = descend(pointer, &index.to_string());
                    items.check(value, pointer, found);
                    pointer.truncate(parent);
                }
                if let Some(field) = unique {
                    let texts = list
                        .iter()
                        .map(|value| value.get(field)?.as_str().map(str::to_ascii_lowercase));
                    for (index, first) in duplicates(texts) {
                        found.push(Violation::new(
                            format!("{pointer}/{index}/{field}"),
                            format!("the same as {pointer}/{first}/{field}"),
                        ));
                    }
                }
            }
            (Self::OneOf(texts), Value::String(text)) if texts.contains(&text.as_str()) => {}
            (Self::OneOf(texts), value) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
                wrong(format!(
                    "one of {} is needed, found {}",
                    texts.join(", "),
                    shown(value)
                ));
            }
            (Self::ServerId, Value::String(text)) => {
                if let Err(error) = text.parse::<ServerId>() {
                    wrong(error.to_string());
                }
            }
            (Self::Object(_), value) => {
                wrong(format!("an object is needed, found {}", shown(value)))
            }
            (Self::List { .. }, value) => {
                wrong(format!("a list is needed, found {}", shown(value)))
            }
            (Self::ServerId, value) => {
                wrong(format!("a server id is needed, found {}", shown(value)))
            }
        }
    }
}

/// Returns a shortened value for an error message.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => quoted(text),
        scalar => scalar.to_string(),
    }
}

/// Returns the positions of duplicates, each with the position of the first equal value.
fn duplicates<T: Eq + Hash>(values: impl Iterator<Item = Option<T>>) -> Vec<(usize, usize)> {
    let mut first = FxHashMap::default();
    first.reserve(values.size_hint().0);
    let mut found = Vec::new();
    for (index, value) in values.enumerate() {
        let Some(value) = value else { continue };
        match first.entry(value) {
            Entry::Occupied(entry) => found.push((index, *entry.get())),
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
        }
    }
    found
}
