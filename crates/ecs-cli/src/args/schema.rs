//! The arguments of `schema`.

use clap::{Args, ValueEnum};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ecsctl schema report > report.schema.json
  ecsctl schema events > events.schema.json";

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Schema {
    /// What it describes: a report of -o json, or a line of -o jsonl
    #[arg(value_name = "OF", value_enum)]
    pub(crate) of: SchemaOf,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    Report,
    Events,
}
