//! The YAML subset of descriptions: one document of mappings with text keys, lists, and scalars
//! that every YAML parser reads alike. Each node knows its line.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Problem;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Flag(bool),
    Integer(i64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping with its place; or another name that something refers to.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Value {
    /// Returns the kind of the value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// Returns the document as JSON, with keys in their order.
    pub(crate) fn to_json(&self) -> String {
        // A tree of texts, numbers and flags, whose serialization cannot fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(list) => serializer.collect_seq(list),
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, node) in entries {
                    map.serialize_entry(&key.text, node)?;
                }
                map.end()
            }
        }
    }
}

/// Parses a document.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let mut events = Events(Parser::new_from_str(text));
    let mut document = None;
    loop {
        let (event, span) = events.next()?;
        let line = span.start.line();
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Problem::new(
                    line,
                    "a second document begins here; put everything into the first",
                ));
            }
            Event::DocumentStart(_) => {
                let (event, span) = events.next()?;
                document = Some(events.node(event, span)?);
            }
            Event::StreamEnd => {
                return document.ok_or_else(|| Problem::new(line, "there is no document"));
            }
            _ => return Err(Problem::new(line, "only a document may stand here")),
        }
    }
}

struct Events<'a>(Parser<'a, saphyr_parser::StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.0.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Problem::new(error.marker().line(), error.info())),
            None => Err(Problem::new(0, "the document ends too early")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Problem> {
        let line = span.start.line();
        let value = match event {
            Event::Scalar(text, style, 0, None) => {
                let plain = matches!(style, ScalarStyle::Plain);
                scalar(line, text.into_owned(), plain)?
            }
            Event::SequenceStart(0, None) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Value::List(list),
                        (event, span) => list.push(self.node(event, span)?),
                    }
                }
            }
            Event::MappingStart(0, None) => Value::Map(self.entries()?),
            _ => {
                return Err(Problem::new(
                    line,
                    "anchors, aliases and tags are not read; write the value out",
                ));
            }
        };
        Ok(Node { line, value })
    }

    fn entries(&mut self) -> Result<Vec<(Key, Node)>, Problem> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let line = span.start.line();
            let Event::Scalar(text, _, 0, None) = event else {
                return Err(Problem::new(line, "a key must be a text"));
            };
            let text = text.into_owned();
            if let Some((first, _)) = entries.iter().find(|(key, _)| key.text == text) {
                return Err(Problem::new(
                    line,
                    format!(
                        "`{text}` is given already in line {}; remove one",
                        first.line
                    ),
                ));
            }
            let (event, span) = self.next()?;
            entries.push((Key { line, text }, self.node(event, span)?));
        }
    }
}

/// Reads a plain scalar whose meaning is the same in YAML 1.1 and 1.2; others must be quoted.
fn scalar(line: usize, text: String, plain: bool) -> Result<Value, Problem> {
    if !plain {
        return Ok(Value::Text(text));
    }
    let ambiguous = ["yes", "no", "on", "off", "y", "n", "null", "true", "false"];
    match text.as_str() {
        "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Flag(true)),
        "false" => return Ok(Value::Flag(false)),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let integer = digits == "0"
        || digits.starts_with(|first: char| ('1'..='9').contains(&first))
            && digits.bytes().all(|byte| byte.is_ascii_digit());
    if integer {
        return text
            .parse()
            .map(Value::Integer)
            .map_err(|_| Problem::new(line, format!("{text} is too large")));
    }
    if text.is_empty()
        || text == "~"
        || ambiguous.contains(&text.to_lowercase().as_str())
        || resembles_number(&text)
    {
        return Err(Problem::new(
            line,
            format!(
                "`{text}` means different things to different readers of YAML; put it into quotes"
            ),
        ));
    }
    Ok(Value::Text(text))
}

/// Returns whether some parser could read a text as a number, a time or a date.
fn resembles_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let bytes = unsigned.as_bytes();
    let digits_first = bytes.first().is_some_and(u8::is_ascii_digit);
    let based = ["0x", "0o", "0b"]
        .iter()
        .any(|base| unsigned.to_lowercase().starts_with(base));
    let grouped = digits_first
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || b"_:.".contains(byte));
    let dated = bytes.get(4) == Some(&b'-') && bytes.iter().take(4).all(u8::is_ascii_digit);
    let special = [".inf", ".nan"].contains(&unsigned.to_lowercase().as_str());
    let float = (digits_first || unsigned.starts_with('.')) && unsigned.parse::<f64>().is_ok();
    based || grouped || dated || special || float
}
