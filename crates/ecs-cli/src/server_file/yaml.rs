//! YAML with positions. Every scalar is a text, so that YAML types do not change ids.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::node::{Node, Value};
use super::{Position, Refusal};

/// The greatest depth of a document.
const MAX_DEPTH: usize = 64;
/// The most values of a document, which bounds nested aliases; 100,000 servers with all columns have fewer.
const MAX_NODES: usize = 5_000_000;

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<Node, Refusal> {
    let mut reader = YamlReader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Refusal::one(
                    position(span.start),
                    "a second YAML document begins here; only one is read",
                )
                .hint("put each document into a file and give every file with --from-file"));
            }
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                document = Some(reader.node(event, span, 0)?);
            }
            _ => {}
        }
    }
    Ok(document.unwrap_or(Node {
        position: Position::START,
        value: Value::Other,
    }))
}

fn position(marker: Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

struct YamlReader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> YamlReader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Refusal> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(Refusal::one(
                position(*error.marker()),
                format!("this is not YAML: {}", error.info()),
            )),
            None => Err(Refusal::one(Position::START, "the YAML ends too early")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Refusal> {
        let position = position(span.start);
        self.count(1, position)?;
        if depth > MAX_DEPTH {
            return Err(Refusal::one(
                position,
                format!("the document is deeper than {MAX_DEPTH} levels"),
            ));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, ScalarStyle::Plain, anchor, _)
                if matches!(&*text, "" | "~" | "null") =>
            {
                (Value::Other, anchor)
            }
            Event::Scalar(text, _, anchor, _) => (Value::Text(text.into_owned()), anchor),
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (Value::List(items), anchor)
            }
            Event::MappingStart(anchor, _) => (Value::Map(self.members(depth)?), anchor),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Refusal::one(position, "this alias has no anchor before it"));
                };
                self.count(size(&node), position)?;
                (node.value, 0)
            }
            _ => return Err(Refusal::one(position, "a value is missing here")),
        };
        let node = Node { position, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Refusal> {
        let mut members = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(members),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match key.value {
                Value::Text(name) => members.push((name, value)),
                _ => return Err(Refusal::one(key.position, "this key is not a text")),
            }
        }
    }

    fn count(&mut self, nodes: usize, position: Position) -> Result<(), Refusal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Refusal::one(
                position,
                format!("the document has more than {MAX_NODES} values"),
            ));
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Map(members) => members.iter().map(|(_, node)| size(node)).sum::<usize>() + 1,
        Value::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Text(_) | Value::Other => 1,
    }
}
