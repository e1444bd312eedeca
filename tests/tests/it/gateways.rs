//! Gateways between the client and the service: what a run says is held against what the service has really done.
//!
//! [`pages`] uses the gateway of `ecs_test_support::gateway`, [`real`] starts nginx and HAProxy where they are installed,
//! and [`sweep`] draws many gateways from seeds, on virtual time.

mod pages;
mod program;
mod real;
mod sweep;
mod world;
