//! Support for the tests of several crates; only a dev-dependency.
//!
//! [`faults`] is the table of faults of one HTTP exchange, for the tests in the simulator, on real
//! sockets and of `ecsctl` as a process. [`gateway`] stands between a client and a service on real
//! sockets, and reproduces the observed behaviour of real gateways. [`store`] has the guarantees of
//! each store, as tests.
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
