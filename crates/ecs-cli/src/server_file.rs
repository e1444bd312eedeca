//! Lists of servers as other tools write them: formats and their servers.
//!
//! | module | reads |
//! |---|---|
//! | `recognise` | recognition of formats |
//! | `lines` | one id or name per line, lines that begin with an id, ids with commas, the table of `server list` |
//! | `table` | CSV |
//! | `json`, `jsonl`, `yaml` | documents, into `node` |
//! | `document`, `terraform` | the servers of a document |
//!
//! Pure: from text to servers, without reading files or sending requests.

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

/// The hint for a file that cannot be read.
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

/// A position in a text. Line and column count from 1, the column in characters.
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
pub(crate) struct ServerEntry {
    pub(crate) server: ServerRef,
    pub(crate) position: Position,
    /// The name that the file has beside the id of the server.
    pub(crate) name: Option<String>,
}

impl ServerEntry {
    fn new(server: ServerRef, position: Position) -> Self {
        Self {
            server,
            position,
            name: None,
        }
    }

    /// Returns the entry with the name beside its id.
    fn with_name(mut self, name: Option<&str>) -> Self {
        self.set_name(name);
        self
    }

    /// Sets the name beside an id. An empty one is none.
    fn set_name(&mut self, name: Option<&str>) {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        self.name = name.map(str::to_owned);
    }
}

/// The servers of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParsedList {
    /// The recognized format, such as `CSV, column "ID"`.
    pub(crate) description: String,
    pub(crate) entries: Vec<ServerEntry>,
    /// The number of servers that the document counts, of which it may list one page.
    pub(crate) counted: Option<u64>,
}

/// A problem of a file.
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

/// The reasons that a file is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The problems, at least one.
    pub(crate) problems: Vec<Problem>,
    /// The hint.
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

/// Parses the servers that a file names, in the file's order, including duplicates.
///
/// `forced` is the format; by default it is recognized.
pub(crate) fn parse(bytes: &[u8], forced: Option<FileFormat>) -> Result<ParsedList, Refusal> {
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
    let counted = match format {
        FileFormat::Json => serde_json::from_str::<Counted>(text).ok(),
        _ => None,
    };
    Ok(ParsedList {
        description,
        entries,
        counted: counted.and_then(|counted| counted.count.or(counted.total_count)),
    })
}

/// The number of servers of a list in the API's form; by tags it is `total_count`.
#[derive(serde::Deserialize)]
struct Counted {
    count: Option<u64>,
    total_count: Option<u64>,
}

/// The result of parsing a format: its description and the servers.
type Found = (String, Vec<ServerEntry>);

/// Returns the server that a value names, if it is one.
fn server_of(text: &str) -> Result<ServerRef, String> {
    text.parse::<ServerRef>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
