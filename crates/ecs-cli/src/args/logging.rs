//! The options of the log.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// The options of the log. Every command takes them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Logging {
    /// Log to stderr: -v requests, retries and logins, -vv also polls, -vvv everything. Secrets and bodies are never
    /// logged
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Append the log to this file instead of stderr; without -v and ECSCTL_LOG at the level of -vv
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// The format of the log: lines of text, or one JSON object a line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// A format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}
