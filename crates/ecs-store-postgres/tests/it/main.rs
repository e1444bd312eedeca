//! Tests against a real PostgreSQL server. Where none is installed they are left out, and say so.

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
mod leases;
mod outage;
mod pooler;
mod quota;
mod rights;
mod runs;
mod stopped;
mod world;
