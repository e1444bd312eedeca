//! A document as a tree of values with positions.

use super::Position;

/// A value with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) value: Value,
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A number, a flag or null.
    Other,
    List(Vec<Node>),
    /// The members in the document's order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Returns a member of a map.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn members(&self) -> Option<&[(String, Self)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the kind of the value for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Other => "a number, a flag or null",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// Moves a document of one line, with all of its values, to this line.
    pub(super) fn move_to_line(&mut self, line: usize) {
        self.position.line = line;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.move_to_line(line)),
            Value::Map(members) => members
                .iter_mut()
                .for_each(|(_, member)| member.move_to_line(line)),
            Value::Text(_) | Value::Other => {}
        }
    }
}
