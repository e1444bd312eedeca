//! Whole runs against the simulated region, on virtual time: the accepted requests, and the report.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, Outcome, Report};
use ecs_sim::{ActionKind, Region, RegionBuilder, SimTransport};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secrecy::ExposeSecret as _;

const WINDOW: Duration = Duration::from_secs(60);

/// Returns a region, its servers, and a client with a transport made from the region's own.
fn client_of<T: Transport>(
    region: RegionBuilder,
    latency: Duration,
    wrap: impl FnOnce(SimTransport) -> T,
) -> (SimTransport, Vec<ServerId>, Client) {
    let region = region.build().unwrap();
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret()).unwrap();
    let sim = SimTransport::new(region).with_latency(Duration::ZERO..=latency);
    let client = Client::builder("https://ecs.sim.example".parse().unwrap(), project)
        .credentials(StaticCredentials::new(token))
        .transport(wrap(sim.clone()))
        .seed(7)
        .build()
        .unwrap();
    (sim, servers, client)
}

/// Checks the invariants between the accepted requests and the report.
fn check(sim: &SimTransport, asked: &[ServerId], report: &Report) {
    assert_eq!(report.summary().unknown, 0, "nothing was lost");
    check_truth(sim, asked, report);
}

/// Checks the invariants that hold even if answers were lost.
fn check_truth(sim: &SimTransport, asked: &[ServerId], report: &Report) {
    let reported: Vec<_> = report.servers.iter().map(|server| server.id).collect();
    assert_eq!(reported, asked, "each server once, in the order given");
    sim.region().with(|region| {
        let accepted = region.accepted();
        assert!(accepted.most_times() <= 1, "a server was accepted twice");
        assert!(
            accepted.peak(ActionKind::Reboot, WINDOW) <= 1000,
            "over the quota"
        );
        for server in &report.servers {
            let times = accepted.times(&server.id);
            match &server.outcome {
                Outcome::Succeeded { .. }
                | Outcome::Running { .. }
                | Outcome::Failed {
                    job_id: Some(_), ..
                } => {
                    assert_eq!(times, 1, "{server:?}");
                }
                Outcome::Failed { job_id: None, .. } | Outcome::NotAttempted { .. } => {
                    assert_eq!(times, 0, "{server:?}");
                }
                Outcome::Unknown { .. } => {}
            }
        }
    });
}

/// Returns a region that accepts more than the quota, so that only the client keeps it.
fn unlimited() -> RegionBuilder {
    Region::builder().quota(1_000_000)
}

#[tokio::test(start_paused = true)]
async fn fleets_larger_than_the_quota_are_restarted_without_throttling() {
    let region = unlimited().servers(3500).failing(0.01).seed(5);
    let (sim, servers, client) = client_of(region, Duration::from_millis(800), |sim| sim);
    let start = tokio::time::Instant::now();
    let report = client
        .reboot(RebootType::Soft, servers.clone())
        .report()
        .await
        .unwrap();
    check(&sim, &servers, &report);
    let summary = report.summary();
    assert_eq!(summary.succeeded + summary.failed, 3500);
    assert!(summary.failed > 0);
    // Four windows of 1,000 at most, and the last jobs: nothing is throttled or delayed.
    assert!(
        start.elapsed() < WINDOW * 3 + Duration::from_secs(75),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(report.jobs.len(), 35);
}

/// 100,000 servers take at least 99 minutes, and at most 2 % more, for any delay of the answers up
/// to a second.
#[tokio::test(start_paused = true)]
async fn largest_fleet_takes_nearly_the_shortest_possible_time() {
    let region = unlimited().servers(100_000).seed(12);
    let (sim, servers, client) = client_of(region, Duration::from_millis(900), |sim| sim);
    let start = tokio::time::Instant::now();
    // Without waiting for jobs: only the rate is tested.
    let run = client.reboot(RebootType::Soft, servers).no_wait();
    let report = run.report().await.unwrap();
    assert_eq!(report.summary().running, 100_000);
    let least = WINDOW * 99;
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    assert!(
        start.elapsed() <= least.mul_f64(1.02),
        "{:?}",
        start.elapsed()
    );
    sim.region().with(|region| {
        let accepted = region.accepted();
        assert_eq!(accepted.most_times(), 1);
        assert!(accepted.peak(ActionKind::Reboot, WINDOW) <= 1000);
    });
}

#[tokio::test(start_paused = true)]
async fn runs_of_one_client_share_the_quota() {
    let region = unlimited().servers(2400).seed(6);
    let (sim, servers, client) = client_of(region, Duration::from_millis(100), |sim| sim);
    let (first, second) = servers.split_at(1200);
    let first = client
        .reboot(RebootType::Hard, first.to_vec())
        .begin()
        .await
        .unwrap();
    let second = client
        .reboot(RebootType::Hard, second.to_vec())
        .begin()
        .await
        .unwrap();
    let (first, second) = tokio::join!(first.into_future(), second.into_future());
    assert_eq!(
        (first.summary().succeeded, second.summary().succeeded),
        (1200, 1200)
    );
    sim.region().with(|region| {
        assert_eq!(region.accepted().most_times(), 1);
        assert!(region.accepted().peak(ActionKind::Reboot, WINDOW) <= 1000);
    });
}

#[tokio::test(start_paused = true)]
async fn too_fast_clients_are_throttled_and_succeed() {
    let region = Region::builder().servers(600).quota(200).seed(8);
    let (sim, servers, client) = client_of(region, Duration::ZERO, |sim| sim);
    let report = client
        .reboot(RebootType::Soft, servers.clone())
        .report()
        .await
        .unwrap();
    check(&sim, &servers, &report);
    assert_eq!(report.summary().succeeded, 600);
}

/// A server that does not exist or is locked is refused; the other servers of its request are
/// restarted.
#[tokio::test(start_paused = true)]
async fn refused_server_does_not_prevent_the_others() {
    let region = Region::builder().servers(300).seed(10);
    let (sim, mut servers, client) = client_of(region, Duration::from_millis(100), |sim| sim);
    let locked = servers[120];
    let absent: ServerId = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    servers.insert(40, absent);
    sim.region()
        .with(|region| assert!(region.set_locked(&locked, true)));
    let report = client
        .reboot(RebootType::Soft, servers.clone())
        .report()
        .await
        .unwrap();
    check(&sim, &servers, &report);
    assert_eq!(
        (report.summary().succeeded, report.summary().failed),
        (299, 2)
    );
    for (culprit, code) in [(absent, "Ecs.0114"), (locked, "Ecs.0605")] {
        let error = report.outcome(culprit).unwrap().error().unwrap();
        assert_eq!(error.code.as_deref(), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn smaller_request_limits_are_respected() {
    let region = Region::builder()
        .servers(500)
        .max_servers_per_request(30)
        .seed(11);
    let (sim, servers, client) = client_of(region, Duration::from_millis(100), |sim| sim);
    let report = client
        .reboot(RebootType::Soft, servers.clone())
        .batch_size(500)
        .report()
        .await
        .unwrap();
    check(&sim, &servers, &report);
    assert_eq!(report.summary().succeeded, 500);
}

#[tokio::test(start_paused = true)]
async fn servers_are_started_and_stopped() {
    let region = Region::builder().servers(50).seed(9);
    let (sim, servers, client) = client_of(region, Duration::ZERO, |sim| sim);
    let stopped = client.stop(None, servers.clone()).report().await.unwrap();
    let listed = client.servers().await.unwrap();
    assert_eq!(stopped.summary().succeeded, 50);
    assert!(
        listed
            .iter()
            .all(|server| server.status.as_ref().unwrap().as_str() == "SHUTOFF")
    );
    let started = client.start(servers).report().await.unwrap();
    assert_eq!(started.summary().succeeded, 50);
    sim.region()
        .with(|region| assert_eq!(region.accepted().most_times(), 2));
}

#[tokio::test(start_paused = true)]
async fn fleets_of_many_pages_are_listed() {
    let (_, servers, client) =
        client_of(Region::builder().servers(1234), Duration::ZERO, |sim| sim);
    let listed = client.servers().await.unwrap();
    let mut listed: Vec<_> = listed.iter().map(|server| server.id.unwrap()).collect();
    let mut servers = servers;
    listed.sort_unstable();
    servers.sort_unstable();
    assert_eq!(listed, servers);
}

/// Loses requests before and answers after the region received them, and uses its mark.
struct Lossy {
    sim: SimTransport,
    rng: Mutex<ChaCha8Rng>,
    loss: f64,
}

impl fmt::Debug for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lossy")
    }
}

impl Transport for Lossy {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let (lost, point) = {
                let mut rng = self.rng.lock().unwrap();
                (rng.random_bool(self.loss), rng.random_range(0..4))
            };
            let fails = |kind, delivery| Err(TransportError::new(kind, delivery));
            match (lost, point) {
                (true, 0) => fails(TransportErrorKind::Connect, Delivery::NotSent),
                (true, 1) => {
                    attempt.mark().set();
                    fails(TransportErrorKind::Closed, Delivery::MaybeSent)
                }
                (true, 2) => {
                    self.sim.send(request, attempt).await?;
                    fails(TransportErrorKind::BodyCut, Delivery::MaybeSent)
                }
                (true, _) => {
                    self.sim.send(request, attempt).await?;
                    std::future::pending().await
                }
                (false, _) => self.sim.send(request, attempt).await,
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// With losses before and after acceptance, and an end at any moment, the report is true of
    /// every server.
    #[test]
    fn reports_are_true_for_any_loss_and_end(
        seed: u64,
        servers in 1_usize..300,
        batch_size in 1_usize..60,
        loss in prop::sample::select(vec![0.0, 0.1, 0.5]),
        latency in 0_u64..5000,
        deadline in prop::option::of(0_u64..200_000),
        stop in prop::option::of(0_u64..200_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let region = Region::builder().servers(servers).seed(seed).failing(0.1);
            let latency = Duration::from_millis(latency);
            let rng = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
            let (sim, servers, client) = client_of(region, latency, |sim| Lossy { sim, rng, loss });
            let mut run = client.reboot(RebootType::Soft, servers.clone()).batch_size(batch_size);
            if let Some(deadline) = deadline {
                run = run.deadline(Duration::from_millis(deadline));
            }
            let run = run.begin().await.unwrap();
            let control = run.control();
            let stopper = async move {
                if let Some(stop) = stop {
                    tokio::time::sleep(Duration::from_millis(stop)).await;
                    control.stop_submitting();
                }
                std::future::pending::<()>().await;
            };
            let start = tokio::time::Instant::now();
            let report = tokio::select! {
                report = run.into_future() => report,
                () = stopper => unreachable!(),
            };
            check_truth(&sim, &servers, &report);
            if loss == 0.0 && deadline.is_none() {
                prop_assert_eq!(report.summary().unknown, 0);
            }
            if let Some(deadline) = deadline {
                prop_assert!(start.elapsed() <= Duration::from_millis(deadline + 1), "{:?}", start.elapsed());
            }
            Ok(())
        })?;
    }
}
