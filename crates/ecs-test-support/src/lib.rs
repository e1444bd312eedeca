//! What the tests of several crates share; a dev-dependency only.
//!
//! [`faults`] is the table of what can go wrong with one HTTP exchange: the tests in the simulator, the tests on real
//! sockets and the tests of `ecsctl` as a process all read it.
//!
//! ```
//! use ecs_test_support::faults::wire;
//!
//! let cut = wire::faults().into_iter().filter(|fault| fault.name.contains("cut"));
//! assert!(cut.count() > 0);
//! ```

pub mod faults;
