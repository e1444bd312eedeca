//! Runs: a list of servers, split into requests, submitted, polled and reported.
//!
//! `plan` plans requests, `queue` splits refused ones (pure), `state` holds the state of a run
//! (pure), `evidence` interprets servers after a lost answer (pure), `records` the service's
//! records of the actions on them (pure, but for its reader), `verify` servers whose job succeeded,
//! `observer` when servers are listed for both,
//! `outage` when to send after lost answers (pure); `driver` and `reconcile` do the I/O of a `run`.

mod begin;
mod builder;
mod callbacks;
mod driver;
mod evidence;
mod observer;
mod outage;
mod plan;
mod preflight;
mod queue;
mod reconcile;
mod records;
mod run;
mod state;
mod verify;

pub use builder::RunBuilder;
pub use callbacks::FinishedWave;
pub use plan::Plan;
pub use run::Run;
