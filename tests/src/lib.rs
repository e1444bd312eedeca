//! Tests that cross crates; see the files beside `src`.
//!
//! [`sweep`] is the deterministic simulation: client, region and faults, all drawn from one seed.

pub mod sweep;
