//! The options and commands of the store.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::duration;

/// The options that select a store.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct StoreOptions {
    /// Keep journals, the quota and server leases in this store, shared with other processes: postgres://USER@HOST/DATABASE
    /// (also with other hosts; without a password) or sqlite:FILE [default: ECSCTL_STORE]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Read the password of the store from this file [default: PGPASSWORD, or the file PGPASSFILE or ~/.pgpass]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) store_password_file: Option<PathBuf>,
}

/// How a run treats servers that other runs act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Held {
    /// Wait until the other run knows their outcome
    Wait,
    /// Skip these servers
    Skip,
    /// Send nothing
    Fail,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Create the tables of the store, or update them
    #[command(after_help = "\
Needs the right to create a schema in the database. Users of the store need no permission to write to its tables: give them access with
--grant-to.

Examples:
  ecsctl store init --store postgres://admin@db.example/fleet --grant-to ops
  ecsctl store init --store sqlite:/var/lib/ecsctl/fleet.db")]
    Init(StoreInit),
    /// Update the tables of the store
    Migrate(StoreInit),
    /// Check that the store can be used: connection, rights, version of the tables, durability
    Check(StoreCheck),
    /// Delete ended runs with their records
    Prune(StorePrune),
}

#[derive(Debug, Args)]
pub(crate) struct StoreInit {
    /// Let this database role use the store; may be repeated
    #[arg(long, value_name = "ROLE")]
    pub(crate) grant_to: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StoreCheck {
    /// Print results to stdout in this format
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = StoreFormat::Table)]
    pub(crate) format: StoreFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct StorePrune {
    /// Delete runs that ended longer ago than this (such as 720h)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) older_than: Duration,
}
