//! Gateways between the client and the service: reports are compared with what the service really
//! did.
//!
//! [`pages`] uses the gateway of `ecs_test_support::gateway`, [`real`] starts nginx and HAProxy if
//! they are installed, and [`sweep`] draws many gateways from seeds, on virtual time.

mod pages;
mod program;
mod real;
mod sweep;
mod world;
