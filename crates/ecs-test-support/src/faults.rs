//! Faults of one HTTP exchange as data, with the expected result: one table for the tests in the
//! simulator, on real sockets, and with `ecsctl` as a process.

mod outcome;
mod script;
pub mod statuses;
mod strange;
pub mod wire;

pub use outcome::FaultOutcome;
