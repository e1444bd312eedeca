//! Tests that cross crates; see the files beside `src`.
//!
//! [`sweep`] is the deterministic simulation: client, region and faults, all drawn from one seed. [`waiting`] measures what
//! waiting for jobs costs.

pub mod sweep;
pub mod waiting;
