//! A region, its client, and runs in waves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::{Member, Order, Rules, StopReason, Waves};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, Event, Report, Run, RunBuilder, Stopped};
use ecs_sim::{RegionBuilder, SimTransport};
use http::{Method, Request, Response};
use secrecy::ExposeSecret as _;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) sim: SimTransport,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) client: Client,
}

pub(crate) fn world(region: RegionBuilder) -> World {
    let region = region.build().unwrap();
    let servers = region.servers().collect();
    let millis = Duration::from_millis;
    let sim = SimTransport::new(region).with_latency(millis(5)..=millis(300));
    World {
        client: client(&sim, sim.clone()),
        sim,
        servers,
    }
}

pub(crate) fn client(sim: &SimTransport, transport: impl Transport) -> Client {
    let identity = sim.region().with(|region| region.identity().clone());
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let endpoint = "https://ecs.sim.example".parse().unwrap();
    let client = Client::builder(endpoint, identity.project_id);
    let client = client.credentials(StaticCredentials::new(token)).seed(7);
    client.transport(transport).build().unwrap()
}

/// Loses the answer to the first action.
#[derive(Debug)]
pub(crate) struct Swallowing(pub(crate) SimTransport, pub(crate) AtomicBool);

impl Transport for Swallowing {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let acts = *request.method() == Method::POST;
            let answer = self.0.send(request, attempt).await;
            if acts && self.1.swap(false, Ordering::SeqCst) {
                Ok(Response::builder().status(502).body(Bytes::new()).unwrap())
            } else {
                answer
            }
        })
    }
}

impl World {
    pub(crate) fn waves(&self, wave: &str, canary: Option<usize>) -> Waves {
        let members: Vec<_> = self.servers.iter().map(|id| Member::new(*id)).collect();
        Waves::plan(&members, wave.parse().unwrap(), canary, Order::AsGiven).unwrap()
    }

    pub(crate) fn rolling(&self, wave: &str, rules: Rules) -> RunBuilder {
        let canary = rules.canary.map(|_| 1);
        let run = self
            .client
            .reboot(RebootType::Soft, self.servers.iter().copied());
        run.rolling(self.waves(wave, canary), rules)
    }

    pub(crate) fn touched(&self) -> usize {
        self.sim.region().with(|region| {
            assert!(region.accepted().most_times() <= 2);
            region.accepted().distinct_servers()
        })
    }
}

pub(crate) fn max_failures(share: &str) -> Rules {
    Rules {
        max_failures: Some(share.parse().unwrap()),
        ..Rules::default()
    }
}

/// Runs to the end, and returns all events.
pub(crate) async fn play(run: Run) -> (Report, Vec<Event>) {
    let mut reader = run.events();
    let report = run.await;
    let mut events = Vec::new();
    while let Some(event) = reader.next().await {
        events.push(event);
    }
    (report, events)
}

pub(crate) fn waves_begun(events: &[Event]) -> usize {
    let began = |event: &&Event| matches!(event, Event::WaveBegan { .. });
    events.iter().filter(began).count()
}

pub(crate) fn stopped(report: &Report) -> &StopReason {
    match &report.stopped {
        Some(Stopped::Rolling(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
