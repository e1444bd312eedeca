//! The arguments of `run`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Show};

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Show a run's progress and the next step. Works while the run is active
    #[command(after_help = "\
Changes nothing, and needs neither credentials nor a network; with --store it connects to the store and reads the run \
there. -o jsonl prints the records, one per line.

Examples:
  ecsctl run show run.jsonl
  ecsctl run show run.jsonl -o json | jq .summary
  ecsctl run show run.jsonl -o id --outcome failed > failed.txt
      The servers that failed, for: ecsctl reboot --from-file failed.txt
  ecsctl run show run.jsonl --html run.html
      Writes a page for a browser with a timeline.

Exit codes:
  0  the run was shown, whatever its outcome
  2  the journal cannot be read, is not valid, or is damaged; or the
     page cannot be written, or its file exists")]
    Show(RunShow),
    /// Watch a run of another process or host until it ends
    #[command(after_help = "\
Shows the progress of the run as the run itself does, from its records, and ends with its exit code. Changes nothing, and needs \
neither credentials nor the service: with --store only a role that may read (SELECT). Ctrl-C stops watching, not the run.

If the process of the run was killed or lost its connection, watching ends with exit code 5 and prints the command to resume the run. \
With --wait-for-resume it waits until the run is resumed.

Examples:
  ecsctl run watch last
      The latest run of this machine, from another terminal.
  ecsctl run watch last --store postgres://ops@db.example/fleet
      The latest run of all hosts.
  ecsctl run watch 01jd8 --store sqlite:fleet.db -o jsonl | jq -r .event

Exit codes: those of the run (see `ecsctl --help`), and
  2  there is no such run, or its records cannot be read
  5  watching was stopped, or the process of the run is gone")]
    Watch(RunWatch),
    /// List the runs of this user: state, place, action, age and outcomes
    #[command(after_help = "\
Shows the journals in $XDG_STATE_HOME/ecsctl/runs (or ~/.local/state/ecsctl/runs, or the folder of the configuration), the \
newest first. A run is active (its process is alive), ended, stopped (resume continues it) or interrupted (its process was killed; \
resume continues it). Needs neither credentials nor a network; with --store it connects to the store and lists the runs of \
all hosts.

Examples:
  ecsctl run list
  ecsctl run show last
  ecsctl run list -o json | jq -r '.runs[] | select(.state == \"interrupted\").run_id'")]
    List(RunList),
}

#[derive(Debug, Args)]
pub(crate) struct RunList {
    /// The format of the output: for people, one JSON document, one JSON object per line, or the ids one per line
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = RunListFormat::Table)]
    pub(crate) format: RunListFormat,
    /// List at most N runs, newest first
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunListFormat {
    Table,
    Json,
    Jsonl,
    Id,
}

#[derive(Debug, Args)]
pub(crate) struct RunWatch {
    /// The run: its id or the beginning of it, `last`, or the file of its journal
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// If the process of the run is gone, keep watching until the run is resumed
    #[arg(long)]
    pub(crate) wait_for_resume: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct RunShow {
    /// The run: its id or the beginning of it, `last`, or the file of its journal
    #[arg(value_name = "RUN")]
    pub(crate) journal: PathBuf,
    /// Write a page for a browser to this new file instead of printing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "outcome"])]
    pub(crate) html: Option<PathBuf>,
    /// Show only servers with this outcome. Repeat to widen
    #[arg(long, value_name = "OUTCOME", value_enum)]
    pub(crate) outcome: Vec<OutcomeName>,
    /// The servers in the output for people: up to ten of each outcome that needs attention (summary), all of these
    /// (failed), a table of every server and request (all), or none
    #[arg(long, value_name = "SERVERS", value_enum, default_value_t = Show::Summary, conflicts_with_all = ["html", "outcome"])]
    pub(crate) show: Show,
    /// The format of the output: for people, one JSON document, the records one per line, a line of CSV for each server,
    /// or the ids one per line
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = ShowFormat::Table)]
    pub(crate) format: ShowFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    Table,
    Json,
    Jsonl,
    Csv,
    Id,
}

/// The outcome of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeName {
    Succeeded,
    Failed,
    Running,
    #[value(alias = "not_attempted")]
    NotAttempted,
    Unknown,
}

impl OutcomeName {
    /// Returns the name that reports use.
    pub(crate) fn in_reports(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::NotAttempted => "not_attempted",
            Self::Unknown => "unknown",
        }
    }
}
