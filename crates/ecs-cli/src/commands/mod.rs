//! What each command does.

mod announce;
pub(crate) mod auth;
mod conclude;
pub(crate) mod config;
mod execute;
pub(crate) mod explain;
pub(crate) mod go_on;
mod held;
pub(crate) mod job;
mod journal_place;
mod known_runs;
pub(crate) mod plan;
mod preflight;
mod recorded_options;
pub(crate) mod rerun;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod run_list;
pub(crate) mod schema;
mod selecting;
pub(crate) mod server;
pub(crate) mod server_actions;
mod servers;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod sim;
mod waves;
