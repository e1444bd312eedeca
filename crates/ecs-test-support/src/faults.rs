//! Faults of one HTTP exchange as data, with the expected result: one table for the tests in the
//! simulator, on real sockets, and with `ecsctl` as a process.

mod script;
pub mod statuses;
mod strange;
mod verdict;
pub mod wire;

pub use verdict::Verdict;
