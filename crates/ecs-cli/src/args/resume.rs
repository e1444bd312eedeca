//! `resume`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ecs_ops::Client;

use super::{EXIT_CODES, Output, at_least_1, duration};

const ABOUT: &str = "\
Waits for what was accepted, sends what was never sent, and reports every server of the run. What was sent \
without an answer stays unknown and is not sent again; --reconcile looks at it. A rolling run goes on with the wave that it \
had come to; its health check is the command in the journal, so don't resume a journal that you don't trust. Resuming \
twice does no harm.

Examples:
  ecsctl reboot --from-file ids.txt --journal run.jsonl
      Dies half way: the machine was switched off.
  ecsctl resume run.jsonl
      Goes on, with the credentials that are found; the service and the project
      are in the journal.
  jq -c .record run.jsonl
      What it says.";

pub(super) fn help() -> String {
    format!(
        "{ABOUT}\n\n{}",
        EXIT_CODES.replace(" (with --no-wait: was accepted)", "")
    )
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The journal
    #[arg(value_name = "JOURNAL")]
    pub(crate) journal: PathBuf,
    /// Look at the servers of a request whose fate is unknown, as the run does with this option. Those that the journal says
    /// nothing of as they were before stay unknown unless they were changed
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// How long after a request became unknown a server without a trace of it counts as not attempted [default: as the run]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) reconcile_after: Option<Duration>,
    /// Stop when this time is over (such as 90s, 15m, 1h30m), with a report; the run's own deadline does not count
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// The longest time that one request may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) attempt_timeout: Duration,
    /// The most servers in any 60 seconds; the service takes 1000
    #[arg(long, value_name = "N", default_value_t = Client::SERVERS_PER_MINUTE, value_parser = at_least_1)]
    pub(crate) servers_per_minute: usize,
    /// Run this after each wave of a rolling run, instead of the health check that the journal names
    #[arg(long, value_name = "COMMAND", value_parser = super::rolling::command)]
    pub(crate) health_cmd: Option<String>,
    /// How long the health check may take; then it is killed, and has failed [default: as the run]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) health_timeout: Option<Duration>,
    /// Also act on members of auto-scaling groups, as the option of reboot and stop does
    #[arg(long)]
    pub(crate) allow_autoscaling_members: bool,
    /// Go on after the canary of a rolling run without a question
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}
