//! The store in a file: what each store guarantees, and processes that are killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod files;
mod killed;
mod suite;
mod world;
