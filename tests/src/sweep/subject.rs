//! What a simulation tests: the client as it is, or one with a mistake.

use std::sync::Arc;

use ecs_ops::journal::Record;
use ecs_ops::rolling::{Rules, Waves};
use ecs_ops::transport::Transport;
use ecs_ops::{ClientBuilder, Report, RunBuilder};
use ecs_sim::FaultyTransport;

use super::gateway::Kind as GatewayKind;

/// What is tested: the client as it is, or one with a mistake, to see that the mistake is found.
pub trait Subject {
    /// What the client sends through; `quota` is how many servers it may send in a minute.
    fn transport(&self, faulty: FaultyTransport, quota: usize) -> Arc<dyn Transport> {
        let _ = quota;
        Arc::new(faulty)
    }

    /// Further settings of the client.
    fn client(&self, client: ClientBuilder, quota: usize) -> ClientBuilder {
        let _ = quota;
        client
    }

    /// What the client says at the end.
    fn report(&self, report: &mut Report) {
        let _ = report;
    }

    /// Returns the share of the seeds of which a run may go in waves, keep a journal, die and be
    /// gone on with.
    fn extras(&self) -> f64 {
        EXTRAS
    }

    /// What its journal keeps of each record.
    fn kept(&self) -> fn(Record) -> Option<Record> {
        Some
    }

    /// In which waves it goes, and by which rules.
    fn rolling(&self, waves: Waves, rules: Rules) -> (Waves, Rules) {
        (waves, rules)
    }

    /// Returns whether each run reconciles, with records that can be read or not. `None`: as drawn.
    fn records(&self) -> Option<bool> {
        None
    }

    /// Returns whether others act on the servers of each run soon after its requests, which are
    /// lost often, and the records of actions come at once.
    fn others_act(&self) -> bool {
        false
    }

    /// Further settings of each run.
    fn run(&self, run: RunBuilder) -> RunBuilder {
        run
    }

    /// Returns how often there is a gateway on the way, and what the client is like towards it.
    fn gateway(&self) -> (f64, GatewayKind) {
        (GATEWAYS, GatewayKind::AsItIs)
    }

    /// Returns whether it minds what a health check says.
    fn heeds_health(&self) -> bool {
        true
    }
}

/// How often there is a gateway: of such seeds less can be held against the region.
const GATEWAYS: f64 = 0.1;
/// How often there are extras: such runs take longer than others.
const EXTRAS: f64 = 0.06;

/// The client as it is.
#[derive(Clone, Copy, Debug)]
pub struct Faithful;

impl Subject for Faithful {}

/// The client as it is, with extras in each seed.
#[derive(Clone, Copy, Debug)]
pub struct ManyLives;

impl Subject for ManyLives {
    fn extras(&self) -> f64 {
        1.0
    }
}
