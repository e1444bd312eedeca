//! The arguments of `schema`.

use clap::{Args, ValueEnum};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ecsctl schema report > report.schema.json
  ecsctl schema events > events.schema.json";

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Schema {
    /// The document that the schema describes: a report of -o json, or a line of -o jsonl
    #[arg(value_name = "OF", value_enum)]
    pub(crate) of: SchemaOf,
}

/// The documents that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    Report,
    Events,
}
