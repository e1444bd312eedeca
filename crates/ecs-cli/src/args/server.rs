//! The arguments of `server`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::select::Select;
use super::{DocumentOutput, ServerActions};

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// List servers
    #[command(after_help = "\
Needs the permission ecs:cloudServers:list. Sends one request per 200 servers.

Examples:
  ecsctl server list
  ecsctl server list --tag role=web --status ACTIVE -o wide
  ecsctl server list --name 'web-*' -o id > web.txt
  ecsctl server list --columns name,status,updated --sort -updated

Exit codes:
  0  the servers were listed, even if none matches the filters
  1  no readable answer from the service
  2  bad usage, or a filter that matches no server of the project: likely misspelled
  4  authentication or authorization failed")]
    List(Box<ServerList>),
    /// Show all details of servers, with the actions on them
    #[command(after_help = "\
Examples:
  ecsctl server show web-001
  ecsctl server show 616fb98f-46ca-475e-917e-2563e5a8cd19 -o json

Exit codes:
  0  the servers were shown
  1  no server has this id, or no readable answer from the service
  2  bad usage, no server has this name, or several have it
  4  authentication or authorization failed")]
    Show(ServerShow),
    /// Show the actions on servers: when, and by whom
    #[command(after_help = "\
Reads the service's records of actions, the newest first. One request per server. Read-only.

Examples:
  ecsctl server actions 616fb98f-46ca-475e-917e-2563e5a8cd19
  ecsctl server actions 616fb98f-46ca-475e-917e-2563e5a8cd19 -o json

Exit codes:
  0  the actions were shown
  1  no server has this id, or no readable answer from the service
  2  bad usage
  4  authentication or authorization failed: --reconcile cannot read the actions either")]
    Actions(ServerActions),
}

#[derive(Debug, Args)]
pub(crate) struct ServerList {
    /// Servers by id or name; by default all servers of the project
    #[arg(value_name = "SERVER")]
    pub(crate) servers: Vec<String>,
    #[command(flatten)]
    pub(crate) select: Select,
    /// The format of the list
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table, help_heading = "Output")]
    pub(crate) format: ListFormat,
    /// The columns of the table or CSV, separated by commas
    #[arg(
        long,
        value_name = "COLUMNS",
        value_enum,
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub(crate) columns: Vec<Column>,
    /// Sort by this column; with a `-` before it, in descending order
    #[arg(long, value_name = "COLUMN", value_parser = sort, allow_hyphen_values = true, help_heading = "Output")]
    pub(crate) sort: Option<Sort>,
}

#[derive(Debug, Args)]
pub(crate) struct ServerShow {
    /// Servers by id or name
    #[arg(value_name = "SERVER", required = true)]
    pub(crate) servers: Vec<String>,
    /// Also show the runs of the servers in this journal, besides those in $XDG_STATE_HOME/ecsctl/runs
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table that fits the terminal
    Table,
    /// A table with more columns, as wide as it needs to be
    Wide,
    /// One JSON document
    Json,
    /// One JSON object per server and line
    Jsonl,
    /// CSV with a header
    Csv,
    /// The ids, one per line
    Id,
    /// The names, one per line
    Name,
}

/// A column of the list of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    Id,
    Name,
    Status,
    /// The action in progress on the server
    Task,
    Az,
    Flavor,
    Addresses,
    Tags,
    Locked,
    Created,
    Updated,
    Host,
    EnterpriseProject,
    Fault,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: Column,
    pub(crate) descending: bool,
}

fn sort(text: &str) -> Result<Sort, String> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    match Column::from_str(name, true) {
        Ok(column) => Ok(Sort { column, descending }),
        Err(_) => {
            let names = Column::value_variants().iter().filter_map(|column| {
                let value = column.to_possible_value()?;
                Some(value.get_name().to_owned())
            });
            let names: Vec<String> = names.collect();
            Err(format!(
                "no column is called {name:?}; use one of {}",
                names.join(", ")
            ))
        }
    }
}
