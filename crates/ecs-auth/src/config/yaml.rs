//! A YAML subset for files with credentials, read as PyYAML 6.0.4 does where a login depends on it:
//! spellings of null, merge keys, tags. Every other scalar is taken as text, so that a password of
//! digits stays one.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use zeroize::Zeroizing;

mod scalar;

pub(super) use scalar::is_other_than_text;

/// Limits that no hand-written file exceeds.
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 100_000;

/// A value.
#[derive(Clone)]
pub(super) enum Node {
    Text {
        text: Zeroizing<String>,
        /// `true` if it is written without quotes, so that PyYAML may read it as another type.
        plain: bool,
    },
    Null,
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
    /// A value with an unknown tag, such as `!vault`.
    Tagged(String),
}

/// A document and its warnings.
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) warnings: Vec<String>,
}

impl Node {
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.get(name),
            _ => None,
        }
    }

    /// Returns the text; `None` if the value is another type or empty.
    pub(super) fn text(&self) -> Option<&Zeroizing<String>> {
        match self {
            Self::Text { text, .. } if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let entries = match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        };
        entries
            .into_iter()
            .flat_map(|entries| entries.iter().map(|(name, node)| (name.as_str(), node)))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(name, _)| name)
    }

    /// Overlays another value: maps are joined, everything else is replaced.
    pub(super) fn overlay(&mut self, over: Self) {
        match (self, over) {
            (Self::Map(under), Self::Map(over)) => {
                for (name, node) in over {
                    match under.get_mut(&name) {
                        Some(under) => under.overlay(node),
                        None => {
                            under.insert(name, node);
                        }
                    }
                }
            }
            (under, over) => *under = over,
        }
    }
}

/// Parses a file by its name: a `.json` is parsed as JSON if it is valid. The error is the place of
/// the fault without the text, which could be a secret.
pub(super) fn parse_file(path: &Path, text: &str) -> Result<Document, String> {
    if path.extension().is_some_and(|ending| ending == "json")
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(Document {
            root: of_json(value),
            warnings: Vec::new(),
        });
    }
    parse(text)
}

fn of_json(value: serde_json::Value) -> Node {
    use serde_json::Value;
    match value {
        Value::Null => Node::Null,
        Value::String(text) => quoted(text),
        Value::Array(values) => Node::List(values.into_iter().map(of_json).collect()),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Node::Map(entries.map(|(name, item)| (name, of_json(item))).collect())
        }
        scalar => Node::Text {
            text: Zeroizing::new(scalar.to_string()),
            plain: true,
        },
    }
}

fn quoted(text: String) -> Node {
    Node::Text {
        text: Zeroizing::new(text),
        plain: false,
    }
}

/// Parses the only document.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        warnings: Vec::new(),
    };
    let mut root = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if root.is_some() => {
                return Err("it holds several documents, and only one can be meant".to_owned());
            }
            Event::DocumentStart(_) => {
                let event = reader.next()?;
                root = Some(reader.node(event, 0)?);
            }
            _ => {}
        }
    }
    Ok(Document {
        root: root.unwrap_or(Node::Map(BTreeMap::new())),
        warnings: reader.warnings,
    })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(format!("line {} is not YAML", error.marker().line())),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, String> {
        self.count(1)?;
        if depth > MAX_DEPTH {
            return Err(format!("it is deeper than {MAX_DEPTH} levels"));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                (scalar(text.into_owned(), plain, tag.as_deref()), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => nodes.push(self.node(event, depth + 1)?),
                    }
                }
                (tagged(tag.as_deref()).unwrap_or(Node::List(nodes)), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                let entries = self.entries(depth)?;
                (tagged(tag.as_deref()).unwrap_or(entries), anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| "an alias stands before its anchor".to_owned())?;
                // Otherwise a few lines of nested aliases would fill the memory.
                self.count(size(&node))?;
                (node, 0)
            }
            _ => return Err("something is where a value should be".to_owned()),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Node, String> {
        let mut own = BTreeMap::new();
        let mut merged: Option<Vec<Node>> = None;
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.node(event, depth + 1)?,
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            match key {
                Node::Text { text, plain: true } if text.as_str() == "<<" => {
                    if merged.is_some() {
                        return Err("a map has two merge keys (<<): join them in one".to_owned());
                    }
                    merged = Some(match value {
                        Node::List(nodes) => nodes,
                        node => vec![node],
                    });
                }
                Node::Text { text, .. } => {
                    if own.insert(text.as_str().to_owned(), value).is_some() {
                        let text = text.as_str();
                        self.warnings.push(format!(
                            "{text} appears twice in one map: the later one counts"
                        ));
                    }
                }
                _ => return Err("a key is not a text".to_owned()),
            }
        }
        // Explicit keys take precedence over merged ones, as a whole; of several merges the first
        // takes precedence.
        let mut from_merge = BTreeMap::new();
        for node in merged.unwrap_or_default() {
            let Node::Map(entries) = node else {
                return Err("something is merged in that has no names".to_owned());
            };
            for (name, node) in entries {
                if from_merge.contains_key(&name) && !own.contains_key(&name) {
                    self.warnings.push(format!(
                        "{name} is merged in twice by one <<: the first counts, as YAML has it; PyYAML 6.0.4 takes the last"
                    ));
                }
                from_merge.entry(name).or_insert(node);
            }
        }
        for (name, node) in from_merge {
            own.entry(name).or_insert(node);
        }
        Ok(Node::Map(own))
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            Err(format!("it has more than {MAX_NODES} values"))
        } else {
            Ok(())
        }
    }
}

/// Creates a scalar by its style and tag.
fn scalar(text: String, plain: bool, tag: Option<&Tag>) -> Node {
    let text = Zeroizing::new(text);
    match tag {
        None if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") => Node::Null,
        None => Node::Text { text, plain },
        Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
            "null" => Node::Null,
            "str" | "int" | "float" | "bool" => Node::Text { text, plain: false },
            other => Node::Tagged(format!("!!{other}")),
        },
        // The non-specific tag marks a text.
        Some(tag) if tag.suffix.is_empty() && tag.handle == "!" => {
            Node::Text { text, plain: false }
        }
        Some(tag) => Node::Tagged(name(tag)),
    }
}

/// Returns a tagged value for a collection with a tag that is not its own.
fn tagged(tag: Option<&Tag>) -> Option<Node> {
    let tag = tag?;
    let own = tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq");
    (!own).then(|| Node::Tagged(name(tag)))
}

fn name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn size(node: &Node) -> usize {
    match node {
        Node::Map(entries) => entries.values().map(size).sum::<usize>() + 1,
        Node::List(nodes) => nodes.iter().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
