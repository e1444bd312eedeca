//! Lists of servers as other tools write them: which form a file has, and which servers it names.
//!
//! | module | reads |
//! |---|---|
//! | `recognise` | which form a text has |
//! | `lines` | one id or name a line, lines that begin with an id, ids with commas, our own table |
//! | `table` | CSV |
//! | `json`, `jsonl`, `yaml` | documents, into `node` |
//! | `document`, `terraform` | which servers a document names |
//!
//! Nothing here reads a file or asks a service: text in, servers out.

mod document;
mod json;
mod jsonl;
mod lines;
mod node;
mod recognise;
mod table;
mod terraform;
mod yaml;

use std::fmt;

use clap::ValueEnum;
use ecs_ops::selection::ServerRef;

/// The command that is offered wherever a file cannot be read.
const GOOD_LIST: &str = "a list that is always understood: openstack server list -f json, ecsctl server list -o json, \
     terraform show -json, or one id or name a line";

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// One id or name a line; `openstack server list -f value`; the table of `ecsctl server list`
    #[value(alias = "value", alias = "table")]
    Lines,
    /// CSV whose first line names the columns
    Csv,
    /// One JSON document: openstack, KooCLI, terraform, reports
    Json,
    /// One JSON object a line: journals, events, `ecsctl server list -o jsonl`
    #[value(alias = "journal")]
    Jsonl,
    /// YAML, as openstack writes it
    Yaml,
}

/// A place in a text; both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One server that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) server: ServerRef,
    pub(crate) position: Position,
}

/// The servers of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerList {
    /// What the file was taken for, such as `CSV, column "ID"`.
    pub(crate) description: String,
    pub(crate) entries: Vec<Entry>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl Problem {
    fn new(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// At least one.
    pub(crate) problems: Vec<Problem>,
    /// What to do instead.
    pub(crate) hint: String,
}

impl Refusal {
    fn new(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            hint: GOOD_LIST.to_owned(),
        }
    }

    fn one(position: Position, message: impl Into<String>) -> Self {
        Self::new(vec![Problem::new(position, message)])
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Reads the servers that a file names, in the file's order; a server that is named twice is there twice.
///
/// `forced`: the format to read it as; by default it is recognised.
pub(crate) fn parse(bytes: &[u8], forced: Option<FileFormat>) -> Result<ServerList, Refusal> {
    let text = recognise::text_of(bytes)?;
    let format = match forced {
        Some(format) => format,
        None => recognise::format_of(text)?,
    };
    let (description, entries) = match format {
        FileFormat::Lines => lines::read(text)?,
        FileFormat::Csv => table::read(text)?,
        FileFormat::Json => document::read(&json::parse(text)?, "JSON")?,
        FileFormat::Jsonl => jsonl::read(text)?,
        FileFormat::Yaml => document::read(&yaml::parse(text)?, "YAML")?,
    };
    Ok(ServerList {
        description,
        entries,
    })
}

/// What a format's reader returns: what the text was taken for, and its servers.
type Found = (String, Vec<Entry>);

/// The server that a value names, if it is one.
fn server_of(text: &str) -> Result<ServerRef, String> {
    text.parse::<ServerRef>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
