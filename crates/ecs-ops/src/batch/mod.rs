//! Runs: a list of servers, split into batches, submitted, watched, and reported.
//!
//! `plan` splits, `queue` takes refused batches apart (pure), `machine` keeps the books (pure), `verdict` reads jobs (pure), `driver` does the I/O.

mod driver;
mod machine;
mod plan;
mod queue;
mod verdict;

pub use driver::{Run, RunBuilder};
pub(crate) use machine::{Fate, NEVER_SENT};
pub use plan::Plan;
