//! The client under test: the real one, or one with a mistake.

use std::sync::Arc;

use ecs_ops::journal::Record;
use ecs_ops::rolling::{Rules, Waves};
use ecs_ops::transport::Transport;
use ecs_ops::{ClientBuilder, Report, RunBuilder};
use ecs_sim::FaultyTransport;

use super::gateway::Kind as GatewayKind;

/// The client under test: the real one, or one with a mistake, to see that the mistake is found.
pub trait Subject {
    /// Returns the transport of the client; `quota` is the number of servers that it may send in a
    /// minute.
    fn transport(&self, faulty: FaultyTransport, quota: usize) -> Arc<dyn Transport> {
        let _ = quota;
        Arc::new(faulty)
    }

    /// Adds settings of the client.
    fn client(&self, client: ClientBuilder, quota: usize) -> ClientBuilder {
        let _ = quota;
        client
    }

    /// Changes the report at the end.
    fn report(&self, report: &mut Report) {
        let _ = report;
    }

    /// Returns the share of the seeds in which a run may go in waves, keep a journal, die and be
    /// resumed.
    fn extras(&self) -> f64 {
        EXTRAS
    }

    /// Returns the filter of the journal's records.
    fn kept(&self) -> fn(Record) -> Option<Record> {
        Some
    }

    /// Changes the waves and the rules.
    fn rolling(&self, waves: Waves, rules: Rules) -> (Waves, Rules) {
        (waves, rules)
    }

    /// Returns whether each run reconciles, with readable or unreadable records; `None` leaves it
    /// to the seed.
    fn records(&self) -> Option<bool> {
        None
    }

    /// Returns whether others act on the servers of each run soon after its requests, which are
    /// often lost, and records of actions are readable at once.
    fn others_act(&self) -> bool {
        false
    }

    /// Adds settings of each run.
    fn run(&self, run: RunBuilder) -> RunBuilder {
        run
    }

    /// Returns how often there is a gateway on the way, and the kind of client.
    fn gateway(&self) -> (f64, GatewayKind) {
        (GATEWAYS, GatewayKind::AsItIs)
    }

    /// Returns whether the client respects the result of a health check.
    fn heeds_health(&self) -> bool {
        true
    }
}

/// The probability of a gateway: in such seeds fewer invariants can be checked.
const GATEWAYS: f64 = 0.1;
/// The probability of extras: such runs take longer than others.
const EXTRAS: f64 = 0.06;

/// The real client.
#[derive(Clone, Copy, Debug)]
pub struct Faithful;

impl Subject for Faithful {}

/// The real client, with extras in each seed.
#[derive(Clone, Copy, Debug)]
pub struct ManyLives;

impl Subject for ManyLives {
    fn extras(&self) -> f64 {
        1.0
    }
}
