//! Errors of a selection.

use std::fmt;

use ecs_model::Server;

use super::ServerRef;
use crate::Error;

/// The number of values that a message lists.
const SHOWN: usize = 12;

/// A single mistake in a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionProblem {
    /// No server of the project is this one.
    NotFound(ServerRef),
    /// Several servers have this name; each is described by its id, status and zone.
    Ambiguous {
        /// The name.
        name: String,
        /// The servers that have it.
        candidates: Vec<String>,
    },
    /// No server is the excluded one.
    NotExcluded(ServerRef),
    /// No server's name fits the pattern.
    NoName(String),
    /// No server has this value: it was misspelt, or is of another project.
    UnknownValue {
        /// The kind of value, such as `availability zone`.
        attribute: &'static str,
        /// The value.
        value: String,
        /// The values that servers have.
        known: Vec<String>,
    },
    /// No server has a tag with this key.
    UnknownTagKey {
        /// The key.
        key: String,
        /// The keys that servers have.
        known: Vec<String>,
    },
    /// No server has this value in its tag with this key.
    UnknownTagValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The values that servers have.
        known: Vec<String>,
    },
    /// No server has this address, or one in this network.
    NoAddress(String),
    /// Each condition is fulfilled by servers, but no server fulfills all of them; or all that do
    /// were omitted.
    Nothing {
        /// The number of servers that exist, or were given.
        servers: usize,
        /// Each condition, with the number of servers that fulfill it.
        conditions: Vec<(String, usize)>,
    },
}

impl fmt::Display for SelectionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(ServerRef::Id(id)) => {
                write!(f, "no server of the project has the id {id}")
            }
            Self::NotFound(ServerRef::Name(name)) => {
                write!(f, "no server of the project is called {name:?}")
            }
            Self::Ambiguous { name, candidates } => {
                let (count, list) = (candidates.len(), listed(candidates));
                write!(f, "{count} servers are called {name:?}: {list}")
            }
            Self::NotExcluded(server) => {
                write!(f, "the server to exclude is not in the project: {server}")
            }
            Self::NoName(pattern) => write!(f, "no server's name fits {pattern:?}"),
            Self::UnknownValue {
                attribute,
                value,
                known,
            } => {
                write!(
                    f,
                    "no server has the {attribute} {value:?} (in use: {})",
                    listed(known)
                )
            }
            Self::UnknownTagKey { key, known } => {
                let known = listed(known);
                write!(
                    f,
                    "no server has a tag with the key {key:?} (keys in use: {known})"
                )
            }
            Self::UnknownTagValue { key, value, known } => {
                let known = listed(known);
                write!(
                    f,
                    "no server has the tag {key}={value} (values of {key} in use: {known})"
                )
            }
            Self::NoAddress(address) => write!(f, "no server has an address in {address}"),
            Self::Nothing {
                servers,
                conditions,
            } => {
                write!(f, "none of {servers} servers fits all conditions")?;
                for (condition, count) in conditions {
                    write!(f, "; {condition}: {count}")?;
                }
                Ok(())
            }
        }
    }
}

fn listed(values: &[String]) -> String {
    match values.len() {
        0 => "none".to_owned(),
        1..=SHOWN => values.join(", "),
        count => format!("{}, and {} more", values[..SHOWN].join(", "), count - SHOWN),
    }
}

/// A server as the candidates of an ambiguous name are described.
pub(super) fn described(server: &Server) -> String {
    let mut parts: Vec<String> = server.id.iter().map(ToString::to_string).collect();
    parts.extend(server.status.iter().map(ToString::to_string));
    parts.extend(server.availability_zone.clone());
    parts.join(" ")
}

/// The error of a selection: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionError {
    problems: Vec<SelectionProblem>,
}

impl SelectionError {
    pub(super) fn new(problems: Vec<SelectionProblem>) -> Self {
        Self { problems }
    }

    /// Everything that is wrong; at least one.
    pub fn problems(&self) -> &[SelectionProblem] {
        &self.problems
    }
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SelectionError {}

/// The reason why servers could not be selected.
#[derive(Debug)]
#[non_exhaustive]
pub enum SelectError {
    /// The servers could not be listed.
    List(Error),
    /// They were listed, and something is wrong with the selection.
    Selection(SelectionError),
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(_) => f.write_str("the servers cannot be listed"),
            Self::Selection(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SelectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::List(error) => Some(error),
            // Displayed itself.
            Self::Selection(_) => None,
        }
    }
}
