//! Checking what we send, all of it, before it is sent.

use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::ServerId;

/// What a request's JSON must look like. Closed: a field that is not listed is a violation.
/// The generated operations hold one for each request body.
#[derive(Debug)]
pub(crate) enum Schema {
    Object(&'static [Field]),
    /// A list; with `unique`, the text of that field (compared without regard to case) must differ between its elements.
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

/// One thing that is wrong with a request: where (a JSON pointer, RFC 6901) and what.
///
/// ```
/// use ecs_model::BatchRebootServers;
///
/// let error = BatchRebootServers::from_json(br#"{"reboot":{"type":"GENTLE","servers":[]}}"#).unwrap_err();
/// let found: Vec<String> = error.violations().iter().map(ToString::to_string).collect();
/// assert_eq!(found, [
///     "/reboot/servers: at least 1 is needed, there are 0",
///     "/reboot/type: one of \"SOFT\", \"HARD\" is needed, found \"GENTLE\"",
/// ]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pointer: String,
    message: String,
}

impl Violation {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// Where: a JSON pointer into the request body; `""` is the whole body.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What is wrong there.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            // The request as a whole.
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// Everything that is wrong with a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    violations: Vec<Violation>,
}

impl ValidationError {
    /// Fails with the violations, if there are any.
    pub(crate) fn check(violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Self { violations })
        }
    }

    pub(crate) fn one(violation: Violation) -> Self {
        Self {
            violations: vec![violation],
        }
    }

    /// A required field that is not there.
    pub(crate) fn missing(pointer: &str) -> Self {
        Self::one(Violation::new(pointer, "missing"))
    }

    /// A body whose only field is none of the actions.
    pub(crate) fn unknown_action(known: &[&str]) -> Self {
        Self::one(Violation::new(
            "",
            format!("one of the actions {} is needed", known.join(", ")),
        ))
    }

    /// All violations, in the order of the schema and of the list.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        f.write_str("invalid request: ")?;
        for (index, violation) in self.violations.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        match self.violations.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, "; and {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ValidationError {}

impl Schema {
    /// Parses a body and collects every violation in it. Of a key that is given twice, the last one counts.
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

/// Adds a segment to the pointer and returns the length to go back to.
pub(crate) fn descend(pointer: &mut String, segment: &str) -> usize {
    let parent = pointer.len();
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    parent
}

/// The positions of values that stood earlier already, with the position of the first.
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

/// A value for an error message: short, whatever was given.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => quoted(text),
        scalar => scalar.to_string(),
    }
}

/// A text for an error message, in quotes and short.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// The violations of a list of servers for an action, by its place in the body.
pub(crate) fn check_servers(
    pointer: &str,
    servers: &[ServerId],
    min: usize,
    max: usize,
) -> Result<(), ValidationError> {
    let mut found = Vec::new();
    if servers.len() < min {
        found.push(Violation::new(
            pointer,
            format!("at least {min} is needed, there are {}", servers.len()),
        ));
    }
    if servers.len() > max {
        found.push(Violation::new(
            pointer,
            format!("at most {max} are allowed, there are {}", servers.len()),
        ));
    }
    for (index, first) in ServerId::duplicates(servers) {
        found.push(Violation::new(
            format!("{pointer}/{index}/id"),
            format!("the same as {pointer}/{first}/id"),
        ));
    }
    ValidationError::check(found)
}

#[cfg(test)]
mod tests;
