//! Tests of credentials and signatures, on the wire and through the public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod choosing;
mod mixing;
mod official_clients;
mod signing;
mod wire;
