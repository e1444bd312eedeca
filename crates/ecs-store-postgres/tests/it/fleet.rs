//! A simulated region, and clients that run on it with a journal in the store.

use std::num::NonZeroU32;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::Recovered;
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::{Client, Error, Report, RunBuilder};
use ecs_sim::{ActionKind, Region, SimTransport};
use ecs_store_postgres::{PostgresStore, StoreError, StoreErrorKind, Takeover};
use secrecy::ExposeSecret as _;

/// The speed of the region's clock: its minute takes 0.6 s.
const SPEED: u32 = 100;

#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) sim: SimTransport,
    pub(crate) servers: Vec<ServerId>,
    /// The number of servers that each client sends in a minute.
    pub(crate) pace: usize,
}

impl Fleet {
    pub(crate) fn new(servers: usize, seed: u64, pace: usize) -> Self {
        let region = Region::builder().servers(servers).seed(seed);
        let region = region.build().unwrap();
        let servers = region.servers().collect();
        let latency = Duration::from_millis(1)..=Duration::from_millis(20);
        let sim = SimTransport::new(region).with_speed(NonZeroU32::new(SPEED).unwrap());
        let sim = sim.with_latency(latency);
        Self { sim, servers, pace }
    }

    pub(crate) fn client(&self) -> Client {
        let identity = self.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(self.sim.clone())
            .servers_per_minute(self.pace)
            .time_factor(f64::from(SPEED))
            .build()
            .unwrap()
    }

    pub(crate) fn times(&self, id: &ServerId) -> u32 {
        self.sim.region().with(|region| region.accepted().times(id))
    }

    pub(crate) fn accepted(&self) -> usize {
        self.sim
            .region()
            .with(|region| region.accepted().distinct_servers())
    }

    /// The most servers that the service took in a minute of its own.
    pub(crate) fn peak(&self) -> usize {
        let minute = Duration::from_secs(60);
        self.sim
            .region()
            .with(|region| region.accepted().peak(ActionKind::Reboot, minute))
    }
}

/// Begins a run, or resumes it if the store has it.
pub(crate) async fn run_or_resume(
    fleet: &Fleet,
    store: &PostgresStore,
    run_id: &str,
    servers: &[ServerId],
    takeover: Takeover,
) -> Result<RunBuilder, StoreError> {
    let client = fleet.client();
    match store.resume(run_id, takeover).await {
        Ok((journal, contents)) => {
            let recovered = Recovered::from_entries(contents.entries).expect("the records fit");
            Ok(client.resume(journal, recovered).expect("the same project"))
        }
        Err(error) if error.kind() == StoreErrorKind::NoRun => {
            let run = client.reboot(RebootType::Soft, servers.iter().copied());
            Ok(run.run_id(run_id).batch_size(3).journal(store.journal()))
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn to_end(run: RunBuilder) -> Result<Report, Error> {
    run.report().await
}
