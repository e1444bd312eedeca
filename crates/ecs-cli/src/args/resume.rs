//! The arguments of `resume`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{EXIT_CODES, Output, at_least_1, duration};

const ABOUT: &str = "\
Waits for the jobs of accepted requests, sends requests that were never sent, and reports every server of the run. A server whose \
outcome is unknown is not sent again; --reconcile checks it. A rolling run continues with the wave that it had reached. Its \
health check is the command in the journal, so do not resume a journal that you do not trust. Resuming twice is harmless.

Examples:
  ecsctl reboot --from-file ids.txt --journal run.jsonl
      Interrupted: the machine was switched off.
  ecsctl resume run.jsonl
      Shows what is left, asks, and continues with the credentials that are
      found. Endpoint and project come from the journal. An option (--endpoint,
      --region, --operator, --project-id) that names another place is refused.
  ecsctl resume last --dry-run
      Shows what is left of the run that began last; sends nothing.
  jq -c .record run.jsonl
      Prints the records of the journal.";

pub(super) fn help() -> String {
    format!(
        "{ABOUT}\n\n{}",
        EXIT_CODES.replace(" (with --no-wait: was accepted)", "")
    )
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run: its id or the beginning of it, `last`, or the file of its journal. With --store: its id
    #[arg(value_name = "RUN")]
    pub(crate) journal: PathBuf,
    /// Check the servers of requests whose answer was lost, as a run with this option does. A server whose earlier
    /// state is not in the journal stays unknown unless it has changed
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// Count a server that shows no trace of the action as not attempted after this time [default: as the run]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) reconcile_after: Option<Duration>,
    /// Stop after this time (such as 90s, 15m, 1h30m) and print the report. The deadline of the original run does not
    /// apply
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Limit the time of one HTTP request
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) attempt_timeout: Duration,
    /// Act on at most N servers in any 60 seconds [default: as the run]
    #[arg(long, value_name = "N", value_parser = at_least_1)]
    pub(crate) servers_per_minute: Option<usize>,
    /// With --store: take the run over at once, also from a process that is alive. That one sends nothing more
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Run this after each wave instead of the health check in the journal
    #[arg(long, value_name = "COMMAND", value_parser = super::rolling::command)]
    pub(crate) health_cmd: Option<String>,
    /// Kill the health check after this time; it has then failed [default: as the run]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) health_timeout: Option<Duration>,
    /// Also act on members of auto-scaling groups, as the option of reboot and stop does
    #[arg(long)]
    pub(crate) allow_autoscaling_members: bool,
    /// Skip servers that are not ready before their wave, and report them as not attempted [default: as the run]
    #[arg(long, conflicts_with = "no_recheck")]
    pub(crate) skip_unready: bool,
    /// Do not read the servers of each wave again before it begins [default: as the run]
    #[arg(long)]
    pub(crate) no_recheck: bool,
    /// Show what is left and what would be sent, without sending anything
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation, neither before sending nor after the canary of a rolling run
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}
