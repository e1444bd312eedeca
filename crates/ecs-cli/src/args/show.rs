//! `run show`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Say what a journal says: how far its run came, and what to do next; also while the run goes on
    #[command(after_help = "\
Needs neither credentials nor a network, and changes nothing. With -o jsonl: the records, one a line.

Examples:
  ecsctl run show run.jsonl
  ecsctl run show run.jsonl -o json | jq .summary
  ecsctl run show run.jsonl --html run.html
      A page for a browser, with what happened when.

Exit codes:
  0  it was shown, whatever became of the run
  2  it cannot be read, is no journal, or is damaged; or the
     page cannot be written, or its file exists")]
    Show(RunShow),
}

#[derive(Debug, Args)]
pub(crate) struct RunShow {
    /// The journal
    #[arg(value_name = "JOURNAL")]
    pub(crate) journal: PathBuf,
    /// Write one page for a browser to this new file, instead of words to stdout
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}
