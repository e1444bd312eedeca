//! What can go wrong with one exchange, as data, and what must be said of it: one table for the tests in the simulator,
//! on real sockets, and with `ecsctl` as a process. Those include this module by its path, so it uses only the
//! standard library and the simulator.

pub mod statuses;
mod strange;
mod verdict;
pub mod wire;

pub use verdict::Verdict;
