//! Exhaustive reading of mappings.

use super::super::Problem;
use super::super::yaml::{Key, Node, Value};

/// The entries of a mapping, each taken by its keyword. A remaining one is an error at the end.
pub(crate) struct Fields<'a> {
    subject: String,
    line: usize,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// `subject` names the mapping in messages: "a schema".
    pub(crate) fn of(node: &'a Node, subject: impl Into<String>) -> Result<Self, Problem> {
        let subject = subject.into();
        let entries = entries(node, &subject)?;
        Ok(Self {
            subject,
            line: node.line,
            entries,
            known: Vec::new(),
        })
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    pub(crate) fn optional(&mut self, keyword: &'static str) -> Option<&'a Node> {
        self.known.push(keyword);
        let (_, node) = self.entries.iter().find(|(key, _)| key.text == keyword)?;
        Some(node)
    }

    pub(crate) fn required(&mut self, keyword: &'static str) -> Result<&'a Node, Problem> {
        self.optional(keyword).ok_or_else(|| {
            Problem::new(
                self.line,
                format!("{} needs the keyword `{keyword}`; add it", self.subject),
            )
        })
    }

    pub(crate) fn text(&mut self, keyword: &'static str) -> Result<String, Problem> {
        text(self.required(keyword)?, keyword)
    }

    pub(crate) fn optional_text(
        &mut self,
        keyword: &'static str,
    ) -> Result<Option<String>, Problem> {
        self.optional(keyword)
            .map(|node| text(node, keyword))
            .transpose()
    }

    pub(crate) fn optional_integer(
        &mut self,
        keyword: &'static str,
    ) -> Result<Option<i64>, Problem> {
        self.optional(keyword)
            .map(|node| integer(node, keyword))
            .transpose()
    }

    pub(crate) fn optional_flag(&mut self, keyword: &'static str) -> Result<Option<bool>, Problem> {
        self.optional(keyword)
            .map(|node| flag(node, keyword))
            .transpose()
    }

    /// Fails if a keyword was not taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let unknown = self
            .entries
            .iter()
            .find(|(key, _)| !self.known.contains(&key.text.as_str()));
        match unknown {
            None => Ok(()),
            Some((key, _)) => Err(Problem::new(
                key.line,
                format!(
                    "`{}` is not a keyword of {}; it may have {}",
                    key.text,
                    self.subject,
                    self.known.join(", ")
                ),
            )),
        }
    }
}

/// Returns the entries of a mapping with free keys.
pub(crate) fn entries<'a>(node: &'a Node, subject: &str) -> Result<&'a [(Key, Node)], Problem> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        other => Err(wrong(node, subject, "a mapping", other)),
    }
}

pub(crate) fn text(node: &Node, keyword: &str) -> Result<String, Problem> {
    match &node.value {
        Value::Text(text) if text.trim().is_empty() => Err(Problem::new(
            node.line,
            format!("`{keyword}` is blank; fill it in"),
        )),
        Value::Text(text) => Ok(text.clone()),
        other => Err(wrong(node, &format!("`{keyword}`"), "a text", other)),
    }
}

pub(crate) fn name(node: &Node, keyword: &str) -> Result<Key, Problem> {
    Ok(Key {
        line: node.line,
        text: text(node, keyword)?,
    })
}

pub(crate) fn integer(node: &Node, keyword: &str) -> Result<i64, Problem> {
    match &node.value {
        Value::Integer(number) => Ok(*number),
        other => Err(wrong(node, &format!("`{keyword}`"), "an integer", other)),
    }
}

pub(crate) fn flag(node: &Node, keyword: &str) -> Result<bool, Problem> {
    match &node.value {
        Value::Flag(flag) => Ok(*flag),
        other => Err(wrong(node, &format!("`{keyword}`"), "true or false", other)),
    }
}

/// Parses each element of a list.
pub(crate) fn list<'a, T>(
    node: &'a Node,
    keyword: &str,
    read: impl Fn(&'a Node) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    match &node.value {
        Value::List(list) => list.iter().map(read).collect(),
        other => Err(wrong(node, &format!("`{keyword}`"), "a list", other)),
    }
}

/// Parses each value of a mapping with its key.
pub(crate) fn map<'a, T>(
    node: &'a Node,
    keyword: &str,
    read: impl Fn(&'a Node) -> Result<T, Problem>,
) -> Result<Vec<(Key, T)>, Problem> {
    entries(node, &format!("`{keyword}`"))?
        .iter()
        .map(|(key, node)| Ok((key.clone(), read(node)?)))
        .collect()
}

fn wrong(node: &Node, subject: &str, needed: &str, found: &Value) -> Problem {
    Problem::new(
        node.line,
        format!("{subject} must be {needed}, found {}", found.kind()),
    )
}
