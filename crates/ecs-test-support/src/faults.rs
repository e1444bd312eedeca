//! What can go wrong with one exchange, as data, and what must be said of it: one table for the tests in the simulator,
//! on real sockets, and with `ecsctl` as a process.

mod script;
pub mod statuses;
mod strange;
mod verdict;
pub mod wire;

pub use verdict::Verdict;
