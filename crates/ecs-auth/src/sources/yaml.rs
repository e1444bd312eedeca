//! YAML, as much of it as files with credentials need: every scalar is taken as the text that it is, so that a
//! password of digits stays one.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use zeroize::Zeroizing;

/// Deeper or larger is no file of a person.
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 100_000;

/// A value.
#[derive(Clone)]
pub(super) enum Node {
    Text(Zeroizing<String>),
    /// Written without quotes.
    Null,
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

impl Node {
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.get(name),
            _ => None,
        }
    }

    /// The text, if it is one and not empty.
    pub(super) fn text(&self) -> Option<&Zeroizing<String>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let entries = match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        };
        entries
            .into_iter()
            .flat_map(|entries| entries.keys().map(String::as_str))
    }

    /// Puts the other over this one: maps are joined, everything else is replaced.
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

/// Reads the first document. The error is where it is broken, without its words: these could be a secret.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(Node::Map(BTreeMap::new())),
            Event::DocumentStart(_) => {
                let event = reader.next()?;
                return reader.node(event, 0);
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
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
            Event::Scalar(text, ScalarStyle::Plain, anchor, _)
                if matches!(&*text, "" | "~" | "null") =>
            {
                (Node::Null, anchor)
            }
            Event::Scalar(text, _, anchor, _) => {
                (Node::Text(Zeroizing::new(text.into_owned())), anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => nodes.push(self.node(event, depth + 1)?),
                    }
                }
                (Node::List(nodes), anchor)
            }
            Event::MappingStart(anchor, _) => (self.entries(depth)?, anchor),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| "an alias stands before its anchor".to_owned())?;
                // Else a few lines of aliases of aliases would fill the memory.
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
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.node(event, depth + 1)?,
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            match key {
                Node::Text(key) if key.as_str() == "<<" => match value {
                    Node::List(nodes) => merged.extend(nodes),
                    node => merged.push(node),
                },
                Node::Text(key) => {
                    own.insert(key.as_str().to_owned(), value);
                }
                _ => return Err("a key is not a text".to_owned()),
            }
        }
        // What is written out wins over what is merged in, and not only in part; of several merged in the first wins.
        for node in merged {
            let Node::Map(entries) = node else {
                return Err("something is merged in that has no names".to_owned());
            };
            for (name, node) in entries {
                own.entry(name).or_insert(node);
            }
        }
        Ok(Node::Map(own))
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        match self.nodes {
            0..=MAX_NODES => Ok(()),
            _ => Err(format!("it has more than {MAX_NODES} values")),
        }
    }
}

fn size(node: &Node) -> usize {
    match node {
        Node::Map(entries) => entries.values().map(size).sum::<usize>() + 1,
        Node::List(nodes) => nodes.iter().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Node, parse};

    fn text(yaml: &str, path: &[&str]) -> Option<String> {
        let root = parse(yaml).unwrap();
        let node = path.iter().try_fold(&root, |node, name| node.get(name))?;
        node.text().map(|text| text.to_string())
    }

    #[test]
    fn a_scalar_is_the_text_that_stands_there() {
        for (yaml, value) in [
            ("a: 0123", Some("0123")),
            ("a: 1e3", Some("1e3")),
            ("a: yes", Some("yes")),
            ("a: 'null '", Some("null ")),
            ("a: \"\\u0041\"", Some("A")),
            ("a: b # c", Some("b")),
            ("a: null", None),
            ("a: ~", None),
            ("a:", None),
            ("a: \"~\"", Some("~")),
            ("a: 'null'", Some("null")),
            ("a: ''", None),
            ("a: [b]", None),
            ("{\"a\": \"json\"}", Some("json")),
            ("", None),
        ] {
            assert_eq!(text(yaml, &["a"]).as_deref(), value, "{yaml}");
        }
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let yaml =
            "base: &base\n  a: 1\n  b: {c: 2, d: 3}\nx:\n  <<: *base\n  b: {c: 4}\ny: *base\n";
        assert_eq!(text(yaml, &["x", "a"]).unwrap(), "1");
        assert_eq!(text(yaml, &["x", "b", "c"]).unwrap(), "4");
        assert_eq!(text(yaml, &["x", "b", "d"]), None);
        assert_eq!(text(yaml, &["y", "b", "d"]).unwrap(), "3");
        let several = "p: &p {a: 1}\nq: &q {a: 2, b: 3, c: 4}\nx:\n  <<: [*p, *q]\n  c: 5\n";
        for (name, value) in [("a", "1"), ("b", "3"), ("c", "5")] {
            assert_eq!(text(several, &["x", name]).unwrap(), value, "{name}");
        }
        assert!(parse("x: {<<: sesame}").is_err());
    }

    #[test]
    fn one_file_is_laid_over_another() {
        let mut under = parse("a: {b: 1, c: 2}\nd: 3").unwrap();
        under.overlay(parse("a: {c: 4}\ne: 5").unwrap());
        let value = |path: &[&str]| {
            let node = path.iter().try_fold(&under, |node, name| node.get(name));
            node.and_then(Node::text).map(|text| text.to_string())
        };
        assert_eq!(value(&["a", "b"]).unwrap(), "1");
        assert_eq!(value(&["a", "c"]).unwrap(), "4");
        assert_eq!(value(&["d"]).unwrap(), "3");
        assert_eq!(value(&["e"]).unwrap(), "5");
    }

    #[test]
    fn what_is_broken_or_a_trap_is_an_error_without_its_words() {
        let mut laughs = "a0: &a0 {x: 1, y: 2}\n".to_owned();
        for level in 1..40 {
            let before = level - 1;
            laughs.push_str(&format!(
                "a{level}: &a{level} {{x: *a{before}, y: *a{before}}}\n"
            ));
        }
        let deep = format!("{}sesame{}", "[".repeat(200), "]".repeat(200));
        for yaml in [
            "a: \"sesame",
            "a: *sesame",
            "{a: b}: sesame",
            "- : - : sesame: [",
            &*laughs,
            &*deep,
        ] {
            let Err(error) = parse(yaml) else {
                panic!("{} was read", yaml.get(..20).unwrap_or(yaml));
            };
            assert!(!error.contains("sesame"), "{error}");
        }
        assert!(parse(&deep).err().unwrap().contains("deeper"));
        assert!(parse(&laughs).err().unwrap().contains("more than"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-c:&*<\\[\\]{}'\"#|>%@!?~ \\-\n\t]{0,60}|\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
