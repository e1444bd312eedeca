//! Tests across crates: client, region and faults, on virtual time and on real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bites;
mod bites_lives;
mod credentials;
mod faults_on_sockets;
mod faults_simulated;
mod fleet;
mod gateways;
mod jobs_simulated;
mod reconcile;
mod resume;
mod rolling;
mod sweep;
mod waiting;
