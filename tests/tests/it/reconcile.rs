//! Requests of unknown outcome, reconciled by listing the servers: against the simulated region, on
//! virtual time.

mod records;
mod traces;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, Event, OnUnknown, PowerAction, Report};
use ecs_sim::{Region, RegionBuilder, SimTransport};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

/// The lost POST (counted from 0), before or after the region received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Before(usize),
    After(usize),
    /// Each of them, before the region received it.
    All,
}

struct Lossy {
    sim: SimTransport,
    loss: Loss,
    posts: AtomicUsize,
    /// Lists fail until then.
    lists_fail_until: Option<Instant>,
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
            let is_list = request.uri().path().ends_with("/detail");
            if is_list
                && self
                    .lists_fail_until
                    .is_some_and(|until| Instant::now() < until)
            {
                let kind = TransportErrorKind::Closed;
                return Err(TransportError::new(kind, Delivery::MaybeSent));
            }
            if request.method() != http::Method::POST {
                return self.sim.send(request, attempt).await;
            }
            let number = self.posts.fetch_add(1, Ordering::SeqCst);
            let lost = Err(TransportError::new(
                TransportErrorKind::Closed,
                Delivery::MaybeSent,
            ));
            match self.loss {
                Loss::All => lost,
                Loss::Before(which) if which == number => lost,
                Loss::After(which) if which == number => {
                    self.sim.send(request, attempt).await?;
                    lost
                }
                _ => self.sim.send(request, attempt).await,
            }
        })
    }
}

struct Scene {
    sim: SimTransport,
    servers: Vec<ServerId>,
    client: Client,
}

fn scene(region: RegionBuilder, loss: Loss, lists_fail_for: Duration) -> Scene {
    // The region's calendar is far from the local one.
    let region = region
        .epoch("2031-05-05T05:05:05Z".parse().unwrap())
        .build()
        .unwrap();
    let servers = region.servers().collect();
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret()).unwrap();
    let sim = SimTransport::new(region).with_latency(Duration::ZERO..=Duration::from_millis(800));
    let transport = Lossy {
        sim: sim.clone(),
        loss,
        posts: AtomicUsize::new(0),
        lists_fail_until: (!lists_fail_for.is_zero()).then(|| Instant::now() + lists_fail_for),
    };
    let client = Client::builder("https://ecs.sim.example".parse().unwrap(), project)
        .credentials(StaticCredentials::new(token))
        .transport(transport)
        // Lists may fail from the beginning.
        .skip_service_check()
        .seed(7)
        .epoch("2026-01-01T00:00:00Z".parse().unwrap())
        .build()
        .unwrap();
    Scene {
        sim,
        servers,
        client,
    }
}

impl Scene {
    async fn run(&self, action: PowerAction, resubmit: bool) -> (Report, Vec<Event>) {
        let run = self.client.run(action, self.servers.clone()).batch_size(4);
        let run = run.on_unknown(OnUnknown::of(true, resubmit));
        let run = run.begin().await.unwrap();
        let mut events = run.events();
        let report = run.await;
        let mut reported = Vec::new();
        while let Some(event) = events.next().await {
            reported.push(event);
        }
        (report, reported)
    }

    fn most_times(&self) -> u32 {
        self.sim
            .region()
            .with(|region| region.accepted().most_times())
    }
}

const REBOOT: PowerAction = PowerAction::Reboot(RebootType::Soft);

fn region() -> RegionBuilder {
    Region::builder()
        .servers(12)
        .seed(3)
        .shutoff(0.0)
        .locked(0.0)
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_reconciled_from_the_servers() {
    for action in [
        REBOOT,
        PowerAction::Reboot(RebootType::Hard),
        PowerAction::Stop(None),
    ] {
        let scene = scene(region(), Loss::After(1), Duration::ZERO);
        let start = Instant::now();
        let (report, events) = scene.run(action, false).await;
        assert_eq!(report.summary().succeeded, 12, "{action:?}");
        let without_job = report
            .servers
            .iter()
            .filter(|server| server.outcome.job_id().is_none());
        assert_eq!(without_job.count(), 4);
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Reconciling { servers: 4, .. }))
        );
        assert_eq!(scene.most_times(), 1);
        // It is reported as soon as it shows.
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "{:?}",
            start.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn lost_requests_are_reconciled_from_the_servers() {
    let scene = scene(region(), Loss::Before(1), Duration::ZERO);
    let start = Instant::now();
    let (report, _) = scene.run(REBOOT, false).await;
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.not_attempted), (8, 4));
    let expected = &report.servers[4].outcome.error().unwrap().message;
    assert!(
        expected.contains("the server is unchanged since before the run"),
        "{expected}"
    );
    assert_eq!(scene.most_times(), 1);
    // Not before three minutes have shown it.
    assert!(start.elapsed() >= Duration::from_secs(180));
    assert!(
        start.elapsed() < Duration::from_secs(250),
        "{:?}",
        start.elapsed()
    );
}

/// Inconclusive outcomes stay unknown, with what the servers show.
#[tokio::test(start_paused = true)]
async fn inconclusive_outcomes_stay_unknown() {
    // A server of the four fails: it is in ERROR, which proves nothing.
    let failed = scene(region(), Loss::After(0), Duration::ZERO);
    let broken = failed.servers[2];
    failed
        .sim
        .region()
        .with(|region| assert!(region.set_failing(&broken, true)));
    let (report, _) = failed.run(REBOOT, false).await;
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.unknown), (11, 1));
    let expected = &report.outcome(broken).unwrap().error().unwrap().message;
    assert!(expected.contains("its status is ERROR"), "{expected}");

    // The list before the run fails, for a while or forever: there is nothing to compare with.
    for seconds in [150, 86_400] {
        let blind = scene(region(), Loss::Before(0), Duration::from_secs(seconds));
        let (report, events) = blind.run(REBOOT, false).await;
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.not_attempted), (0, 12));
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::ListFailed { .. }))
        );
        let expected = &report.servers[0].outcome.error().unwrap().message;
        assert!(expected.contains("could not be listed"), "{expected}");
    }
}

/// Sent once more, and only servers that are not known to have been acted on.
#[tokio::test(start_paused = true)]
async fn unknown_servers_are_resubmitted_on_request() {
    let lost = scene(region(), Loss::Before(2), Duration::ZERO);
    let (report, events) = lost.run(REBOOT, true).await;
    assert_eq!(report.summary().succeeded, 12);
    assert_eq!(lost.most_times(), 1);
    assert!(
        report
            .servers
            .iter()
            .all(|server| server.outcome.job_id().is_some())
    );
    let again = |event: &&Event| {
        matches!(
            event,
            Event::Resubmitting {
                servers: 4,
                maybe_executed: false,
                ..
            }
        )
    };
    assert_eq!(events.iter().filter(again).count(), 1);

    let done = scene(region(), Loss::After(2), Duration::ZERO);
    let (report, _) = done.run(REBOOT, true).await;
    assert_eq!(report.summary().succeeded, 12);
    assert_eq!(
        done.most_times(),
        1,
        "what the servers show was not done again"
    );

    // Without reconciliation it is done twice, as requested.
    let twice = scene(region(), Loss::After(2), Duration::ZERO);
    let run = twice
        .client
        .reboot(RebootType::Hard, twice.servers.clone())
        .batch_size(4);
    let report = run.on_unknown(OnUnknown::Resubmit).report().await.unwrap();
    let summary = report.summary();
    // The region refuses busy servers, which proves nothing about the first request.
    assert_eq!(summary.succeeded + summary.unknown, 12, "{summary:?}");

    // Never a third time.
    let hopeless = scene(region(), Loss::All, Duration::ZERO);
    let run = hopeless
        .client
        .reboot(RebootType::Hard, hopeless.servers.clone());
    let report = run.on_unknown(OnUnknown::Resubmit).report().await.unwrap();
    assert_eq!(report.summary().unknown, 12);
}
