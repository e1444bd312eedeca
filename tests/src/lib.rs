//! Tests across crates; see the files beside `src`.
//!
//! [`sweep`] is the deterministic simulation: client, region and faults, all drawn from one seed.
//! [`waiting`] measures the cost of waiting for jobs. [`death`] ends a process at any step.

pub mod death;
pub mod sweep;
pub mod waiting;
