//! Runs: a list of servers, split into requests, submitted, watched, and reported.
//!
//! `plan` splits, `queue` takes refused requests apart (pure), `state` keeps the books (pure),
//! `evidence` reads servers whose fate is unknown (pure), `verify` those whose job succeeded; `driver` and `reconcile` do
//! the I/O of a `run`.

mod begin;
mod builder;
mod callbacks;
mod driver;
mod evidence;
mod plan;
mod queue;
mod reconcile;
mod run;
mod state;
mod verify;

pub use builder::RunBuilder;
pub use plan::Plan;
pub use run::Run;
