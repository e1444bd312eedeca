//! The output formats.

use clap::{Args, ValueEnum};

/// The output options of runs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// The format of the report on stdout: a summary for people, one JSON document, one JSON object per line as it
    /// happens, CSV, or the ids one per line
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// The servers in the summary: up to ten of each outcome that needs attention (summary), all of these (failed), a table
    /// of every server (all), or none. With -o csv and -o id: failed omits servers that succeeded
    #[arg(long, value_name = "SERVERS", value_enum, default_value_t = Show::Summary)]
    pub(crate) show: Show,
}

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
    Id,
}

/// The servers that the report shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    #[default]
    Summary,
    Failed,
    All,
    None,
}

/// The output options of other commands.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DocumentOutput {
    /// The format of the results on stdout: for people, one JSON document, or one JSON object per line as it happens
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = DocumentFormat::Table)]
    pub(crate) format: DocumentFormat,
}

/// A format of the results of other commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    Table,
    Json,
    Jsonl,
}
