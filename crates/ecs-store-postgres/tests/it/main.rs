//! Tests against a real PostgreSQL server. Where none is installed they are skipped, with a message.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod child;
mod crash;
mod fleet;
mod hosts;
mod journal;
mod outage;
mod pooler;
mod rights;
mod runs;
mod standby;
mod stopped;
mod suite;
mod watching;
mod world;
