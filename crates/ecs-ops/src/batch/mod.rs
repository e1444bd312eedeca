//! Runs: a list of servers, split into batches, submitted, watched, and reported.
//!
//! `plan` splits, `queue` takes refused batches apart (pure), `machine` keeps the books (pure),
//! `evidence` reads servers whose fate is unknown (pure), `settle` those whose job succeeded; `driver` and `reconcile` do
//! the I/O of a `run`.

mod begin;
mod builder;
mod callbacks;
mod driver;
mod evidence;
mod machine;
mod plan;
mod queue;
mod reconcile;
mod run;
mod settle;

pub use builder::RunBuilder;
pub use plan::Plan;
pub use run::Run;
