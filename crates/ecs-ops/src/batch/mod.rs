//! Runs: a list of servers, split into batches, submitted, watched, and reported.
//!
//! `plan` splits, `machine` keeps the books (pure), `verdict` reads jobs (pure), `driver` does the I/O.

mod driver;
mod machine;
mod plan;
mod verdict;

pub use driver::{Run, RunBuilder};
pub(crate) use machine::{Fate, NEVER_SENT};
pub use plan::Plan;
