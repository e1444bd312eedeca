//! Tests that cross crates; see the files beside `src`.
//!
//! [`sweep`] is the deterministic simulation: client, region and faults, all drawn from one seed. [`faults`] is the table
//! of what can go wrong with one exchange, and what must be said of it. [`gateway`] stands between client and service on real
//! sockets. [`waiting`] measures what waiting for jobs costs.

pub mod faults;
pub mod gateway;
pub mod sweep;
pub mod waiting;
