//! Runs: a list of servers, split into requests, submitted, polled and reported.
//!
//! `builder` makes a checked `plan`, which begins a `run`; `request_plan` splits servers into
//! requests, `queue` splits refused ones (pure), `state` holds the state of a run (pure),
//! `evidence` interprets servers after a lost answer (pure), `records` the service's records of the
//! actions on them (pure, but for its reader), `traces` those of Cloud Trace Service (the same),
//! `verify` servers whose job succeeded, `hang` those whose restart takes long; `observer` says when
//! servers are listed, `outage` when to send after lost answers (pure); `driver` and `reconcile` do
//! the I/O of a `run`.

mod begin;
mod builder;
mod callbacks;
mod driver;
mod evidence;
mod handle;
mod hang;
mod observer;
mod on_unknown;
mod outage;
mod plan;
mod preflight;
mod queue;
mod reconcile;
mod records;
mod request_plan;
mod run;
mod schedule;
mod state;
mod traces;
mod verify;

pub use builder::RunBuilder;
pub use callbacks::FinishedWave;
pub use handle::RunHandle;
pub use on_unknown::OnUnknown;
pub use plan::Plan;
pub use run::Run;
