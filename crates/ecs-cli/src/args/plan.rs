//! The arguments of `plan` and `apply`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{EXIT_CODES, Output, Reboot, Start, Stop};

const PLAN_EXAMPLES: &str = "\
Examples:
  ecsctl plan reboot --tag role=web --status ACTIVE --wave 10% --out web.plan
      Writes servers, waves, limits and place to a file. Sends nothing.
  ecsctl plan show web.plan
  ecsctl apply web.plan
      Runs exactly what the plan says.";

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Plan a restart
    #[command(after_help = PLAN_EXAMPLES)]
    Reboot(PlanReboot),
    /// Plan a start
    #[command(after_help = PLAN_EXAMPLES)]
    Start(PlanStart),
    /// Plan a stop
    #[command(after_help = PLAN_EXAMPLES)]
    Stop(PlanStop),
    /// Show a plan. Needs neither credentials nor a network
    Show(PlanShow),
    /// Approve a plan: in a store, or by signing its hash with an SSH key
    #[command(after_help = "\
With --store (or ECSCTL_STORE) the approval is kept in the store, bound to the hash of the plan: who approved it (the database role, which \
cannot be forged; user and host as the process reports them) and when. No user of the store can change or delete it. --key and \
--signature add a signature to it. Without a store the signature is added to the plan file.

  ecsctl plan approve web.plan --store postgres://bob@db.example/fleet

The key is an unencrypted Ed25519 key in OpenSSH's format. Keys that are encrypted, in an agent or on a token sign with
OpenSSH itself:

  ecsctl plan show web.plan -o hash > web.hash
  ssh-keygen -Y sign -n ecsctl-plan -f ~/.ssh/id_ed25519 web.hash
  ecsctl plan approve web.plan --signature web.hash.sig")]
    Approve(PlanApprove),
}

#[derive(Debug, Args)]
pub(crate) struct PlanOut {
    /// Write the plan to this new file
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PlanReboot {
    #[command(flatten)]
    pub(crate) out: PlanOut,
    #[command(flatten)]
    pub(crate) reboot: Reboot,
}

#[derive(Debug, Args)]
pub(crate) struct PlanStart {
    #[command(flatten)]
    pub(crate) out: PlanOut,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(Debug, Args)]
pub(crate) struct PlanStop {
    #[command(flatten)]
    pub(crate) out: PlanOut,
    #[command(flatten)]
    pub(crate) stop: Stop,
}

#[derive(Debug, Args)]
pub(crate) struct PlanShow {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Write the plan to this new file as a page for browsers, and nothing to stdout
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub(crate) html: Option<PathBuf>,
    /// The format of the output
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = PlanFormat::Table)]
    pub(crate) format: PlanFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Table,
    /// The whole file as one JSON document
    Json,
    /// Only the hash
    Hash,
}

#[derive(Debug, Args)]
pub(crate) struct PlanApprove {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Sign with this private key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Add this signature of the hash, made by ssh-keygen
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) signature: Option<PathBuf>,
}

const APPLY: &str = "\
Refuses a plan that was changed, is too old or was applied before, and a plan that does not match the servers. The \
journal of the run is written beside the plan, for `ecsctl resume` and `ecsctl rerun`; with --store it is in the store, and a \
plan is applied once over all hosts.

Examples:
  ecsctl apply web.plan
      Asks, then runs the plan.
  ecsctl apply web.plan --yes --require-approval approvers.pub
      Requires a signature by one of these keys.
  ecsctl apply web.plan --yes --four-eyes --store postgres://alice@db.example/fleet
      Requires an approval in the store by somebody else.";

pub(super) fn apply_help() -> String {
    format!("{APPLY}\n\n{EXIT_CODES}")
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Refuse a plan that is older than this
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = super::duration)]
    pub(crate) max_age: Duration,
    /// Run although servers differ from the plan: act on all servers of the plan
    #[arg(long)]
    pub(crate) accept_drift: bool,
    /// Refuse a plan without an approval by a key in FILE: public SSH keys, one per line. The signature is in the plan or in
    /// the store
    #[arg(long, value_name = "FILE")]
    pub(crate) require_approval: Option<PathBuf>,
    /// Refuse a plan without an approval in the store by another person than who planned it and who applies it: another database
    /// role and another user. With --require-approval that approval must have the signature
    #[arg(long)]
    pub(crate) four_eyes: bool,
    /// Also act on members of auto-scaling groups, as with reboot and stop
    #[arg(long)]
    pub(crate) allow_autoscaling_members: bool,
    /// Show the requests without sending them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}
