//! `server actions`.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Show what was done to servers: when, and by whom
    #[command(after_help = "\
Reads the service's records of actions, the newest first. One request per server. Read-only.

Examples:
  ecsctl server actions 616fb98f-46ca-475e-917e-2563e5a8cd19
  ecsctl server actions 616fb98f-46ca-475e-917e-2563e5a8cd19 -o json

Exit codes:
  0  the actions were shown
  1  no server has this id, or no readable answer from the service
  2  bad usage
  4  authentication or authorization failed: --reconcile cannot read the actions either")]
    Actions(ServerActions),
}

#[derive(Debug, Args)]
pub(crate) struct ServerActions {
    /// Servers by id
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}
