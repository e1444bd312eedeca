//! `ecsctl` as a process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, reason = "nothing is public in a test binary")]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod approvals;
mod brake;
mod choosing;
mod common;
mod config;
mod credentials;
#[cfg(unix)]
mod docs;
mod doctor;
mod faults;
mod gateways;
mod help;
#[cfg(unix)]
mod hints;
mod jobs;
mod journals;
mod output;
mod plan;
mod preflight;
mod question;
mod quirks;
mod reboot;
mod rechecks;
mod refusals;
mod rerun;
mod resume;
mod rolling;
mod secrets;
mod selecting;
#[cfg(all(feature = "serve", any(feature = "postgres", feature = "sqlite")))]
mod serve;
mod server;
mod server_actions;
mod show;
mod stopping;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod store;
#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
mod store_absent;
mod unknown;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod watching;
