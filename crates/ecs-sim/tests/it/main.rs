//! Tests of the simulator's public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod credentials;
