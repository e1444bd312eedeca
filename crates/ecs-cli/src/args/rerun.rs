//! `rerun`.

use std::path::PathBuf;

use clap::Args;

use super::{EXIT_CODES, Output};

const ABOUT: &str = "\
Starts a new run on the servers of an earlier run that failed or were not attempted, with the options of that run: \
action, wave size, limits, checks. A limit of failures that was a percentage stays the number that it came to. \
--failed, --not-attempted and --unknown choose servers by their outcome [default: --failed --not-attempted].

Options after `--` are added, or replace options of the earlier run.

Examples:
  ecsctl rerun run.jsonl --failed
      Asks, then acts on the servers that failed.
  ecsctl rerun run.jsonl --failed --yes --journal again.jsonl -- --wave 5 --pause 1m
      In smaller waves, with a journal of its own.
  ecsctl rerun run.jsonl --dry-run
      Shows the requests; sends none.";

pub(super) fn help() -> String {
    format!("{ABOUT}\n\n{EXIT_CODES}")
}

#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// The journal of the earlier run
    #[arg(value_name = "JOURNAL")]
    pub(crate) of: PathBuf,
    /// Run on the servers that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Run on the servers that were not attempted
    #[arg(long)]
    pub(crate) not_attempted: bool,
    /// Run on the servers whose result is unknown. Risky: some may be restarted, started or stopped twice
    #[arg(long)]
    pub(crate) unknown: bool,
    /// Write a journal of the new run to this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Show the requests without sending them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Options of the new run, as for reboot, start and stop
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) options: Vec<String>,
}
