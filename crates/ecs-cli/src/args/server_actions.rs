//! The arguments of `server actions`.

use clap::Args;

use super::DocumentOutput;

#[derive(Debug, Args)]
pub(crate) struct ServerActions {
    /// Servers by id or name
    #[arg(value_name = "SERVER", required = true)]
    pub(crate) servers: Vec<String>,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}
