//! What the tests of several crates share; a dev-dependency only.
//!
//! [`faults`] is the table of what can go wrong with one HTTP exchange: the tests in the simulator, the tests on real
//! sockets and the tests of `ecsctl` as a process all read it. [`gateway`] stands between a client and a service on real sockets,
//! and does what real gateways were seen to do. [`store`] holds what each store guarantees, as tests.
//!
//! ```
//! use ecs_test_support::faults::wire;
//!
//! let cut = wire::faults().into_iter().filter(|fault| fault.name.contains("cut"));
//! assert!(cut.count() > 0);
//! ```

pub mod faults;
pub mod gateway;
pub mod postgres;
pub mod store;
