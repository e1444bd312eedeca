//! Tests of the transports on real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, reason = "nothing is public in a test binary")]

mod adapters;
mod any_answer;
mod common;
mod delivery;
mod drops;
mod handshakes;
mod peers;
mod proxy;
mod response;
mod reuse;
mod tls;
