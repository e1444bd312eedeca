//! Gateways between the client and the service: what a run says is held against what the service has really done.
//!
//! [`pages`] uses the gateway of `ecs_tests::gateway`, [`real`] starts nginx and HAProxy where they are installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod pages;
mod program;
mod real;
mod world;
