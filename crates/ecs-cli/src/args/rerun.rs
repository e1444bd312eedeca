//! The arguments of `rerun`.

use std::path::PathBuf;

use clap::Args;

use super::{EXIT_CODES, Output};

const ABOUT: &str = "\
Starts a new run on the servers of an earlier run that failed or were not attempted, with the options of that run: \
action, wave size, limits, checks. A failure limit that was a percentage becomes the number of servers that it was. \
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
    /// The earlier run: its id or the beginning of it, `last`, or the file of its journal
    #[arg(value_name = "RUN")]
    pub(crate) of: PathBuf,
    /// Run on the servers that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Run on the servers that were not attempted
    #[arg(long)]
    pub(crate) not_attempted: bool,
    /// Run on the servers whose outcome is unknown. Risky: some may be restarted, started or stopped twice
    #[arg(long)]
    pub(crate) unknown: bool,
    /// Write the journal of the new run to this new file, instead of the folder for journals
    #[arg(long, value_name = "FILE", value_parser = super::journal_file)]
    pub(crate) journal: Option<PathBuf>,
    /// Write no journal of the new run
    #[arg(long, conflicts_with = "journal")]
    pub(crate) no_journal: bool,
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
