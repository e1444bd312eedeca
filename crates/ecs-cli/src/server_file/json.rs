//! JSON with positions.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{Node, Value};
use super::{Position, Refusal};

/// The greatest depth of a document.
const MAX_DEPTH: usize = 64;

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<Node, Refusal> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        let position = Position {
            line: error.line().max(1),
            column: error.column().max(1),
        };
        Refusal::one(
            position,
            format!("this is not JSON: {}", without_place(&error)),
        )
    })?;
    let reader = JsonReader {
        text,
        line_starts: line_starts(text),
    };
    reader.node(raw, 0)
}

/// Returns the message of an error without the position at its end, which is shown in front.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_breaks = text.match_indices('\n').map(|(index, _)| index + 1);
    std::iter::once(0).chain(after_breaks).collect()
}

struct JsonReader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> JsonReader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Refusal> {
        let position = self.position(raw);
        if depth > MAX_DEPTH {
            return Err(Refusal::one(
                position,
                format!("the document is deeper than {MAX_DEPTH} levels"),
            ));
        }
        let unreadable = |error: serde_json::Error| {
            Refusal::one(position, format!("this value cannot be read: {error}"))
        };
        let value = match raw.get().as_bytes().first() {
            Some(b'"') => Value::Text(serde_json::from_str(raw.get()).map_err(unreadable)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(unreadable)?;
                let nodes = items.into_iter().map(|item| self.node(item, depth + 1));
                Value::List(nodes.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let members: JsonMembers<'_> =
                    serde_json::from_str(raw.get()).map_err(unreadable)?;
                let nodes = members
                    .0
                    .into_iter()
                    .map(|(name, value)| Ok((name, self.node(value, depth + 1)?)));
                Value::Map(nodes.collect::<Result<_, Refusal>>()?)
            }
            _ => Value::Other,
        };
        Ok(Node { position, value })
    }

    /// Returns the position of a value, which is a slice of the text.
    fn position(&self, raw: &RawValue) -> Position {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or(0)..offset).unwrap_or("");
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// The members of an object, in their order.
struct JsonMembers<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonMembersVisitor;
        impl<'de> Visitor<'de> for JsonMembersVisitor {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer
            .deserialize_map(JsonMembersVisitor)
            .map(JsonMembers)
    }
}
