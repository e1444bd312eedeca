//! `server actions`.

use clap::Args;

use super::DocumentOutput;

#[derive(Debug, Args)]
pub(crate) struct ServerActions {
    /// Servers by id
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}
