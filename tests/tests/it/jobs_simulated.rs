//! Each peculiarity of jobs alone, in the simulator: the report about servers that succeed, and
//! about servers that fail.

use std::collections::BTreeSet;
use std::future::IntoFuture as _;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::RebootType;
use ecs_ops::{Client, Report};
use ecs_sim::{Faults, FaultyTransport, Region, SimTransport};
use secrecy::ExposeSecret as _;

/// The number of seeds for each peculiarity.
const SEEDS: u64 = 12;

/// Restarts this many servers in one request; `failing` is the share of them that fail.
async fn reboot(
    seed: u64,
    servers: usize,
    failing: f64,
    faults: impl FnOnce(&mut Faults),
) -> Report {
    let region = Region::builder()
        .servers(servers)
        .failing(failing)
        .seed(seed);
    let region = region.build().unwrap();
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret()).unwrap();
    let mut drawn = Faults::none(seed);
    faults(&mut drawn);
    let client = Client::builder("https://ecs.sim.example".parse().unwrap(), project)
        .credentials(StaticCredentials::new(token))
        .transport(FaultyTransport::new(SimTransport::new(region), drawn))
        .seed(seed)
        .build()
        .unwrap();
    let run = client.reboot(RebootType::Soft, servers.clone());
    let run = run
        .deadline(Duration::from_secs(1200))
        .begin()
        .await
        .unwrap();
    let report = run.into_future().await;
    assert!(report.servers.iter().map(|server| &server.id).eq(&servers));
    report
}

/// Returns the different results over the seeds, each as the names of the outcomes of all servers.
async fn outcomes(servers: usize, failing: f64, faults: impl Fn(&mut Faults)) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let report = reboot(seed, servers, failing, &faults).await;
        let mut names: Vec<_> = report
            .servers
            .iter()
            .map(|value| value.outcome.name())
            .collect();
        names.sort_unstable();
        seen.insert(names.join(" "));
    }
    seen
}

#[track_caller]
fn are(seen: &BTreeSet<String>, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|value| (*value).to_owned()).collect();
    assert_eq!(*seen, expected);
}

#[tokio::test(start_paused = true)]
async fn jobs_without_sub_jobs() {
    let faults = |faults: &mut Faults| faults.jobs_not_itemised = 1.0;
    are(&outcomes(2, 0.0, faults).await, &["succeeded succeeded"]);
    are(&outcomes(2, 1.0, faults).await, &["unknown unknown"]);
}

#[tokio::test(start_paused = true)]
async fn jobs_with_some_sub_jobs() {
    let faults = |faults: &mut Faults| faults.jobs_partly_itemised = 1.0;
    are(&outcomes(2, 0.0, faults).await, &["succeeded succeeded"]);
    are(
        &outcomes(2, 1.0, faults).await,
        &["failed failed", "failed unknown", "unknown unknown"],
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_with_an_unrequested_server() {
    let faults = |faults: &mut Faults| faults.jobs_with_strangers = 1.0;
    are(&outcomes(2, 0.0, faults).await, &["succeeded succeeded"]);
    are(&outcomes(2, 1.0, faults).await, &["failed failed"]);
}

#[tokio::test(start_paused = true)]
async fn ids_in_upper_case_and_flat_jobs() {
    let upper = |faults: &mut Faults| faults.jobs_in_upper_case = 1.0;
    let flat = |faults: &mut Faults| faults.flat_jobs = 1.0;
    for servers in [1, 2] {
        let all = |name: &str| vec![name; servers].join(" ");
        are(&outcomes(servers, 0.0, upper).await, &[&all("succeeded")]);
        are(&outcomes(servers, 1.0, upper).await, &[&all("failed")]);
        are(&outcomes(servers, 0.0, flat).await, &[&all("succeeded")]);
        are(&outcomes(servers, 1.0, flat).await, &[&all("failed")]);
    }
}

#[tokio::test(start_paused = true)]
async fn reasons_only_in_the_entities() {
    for (seed, servers) in [(1, 1), (2, 2), (3, 1)] {
        let hidden = |faults: &mut Faults| {
            faults.jobs_hiding_reasons = 1.0;
            faults.flat_jobs = 1.0;
        };
        let report = reboot(seed, servers, 1.0, hidden).await;
        for server in &report.servers {
            let error = server.outcome.error().unwrap();
            assert!(error.message.contains("could not be restarted"), "{error}");
            assert_eq!(error.code, None);
        }
    }
}

/// The run waits for a while, and in the end the report claims no more than is known.
#[tokio::test(start_paused = true)]
async fn jobs_that_are_over_before_their_sub_jobs() {
    let faults = |faults: &mut Faults| faults.jobs_over_early = 1.0;
    are(
        &outcomes(2, 0.0, faults).await,
        &["succeeded succeeded", "succeeded unknown"],
    );
    are(
        &outcomes(2, 1.0, faults).await,
        &["failed failed", "failed unknown"],
    );
}

/// Sub-jobs that ended count for their servers, although the job never ends; otherwise the deadline
/// ends the wait.
#[tokio::test(start_paused = true)]
async fn jobs_that_never_end() {
    let faults = |faults: &mut Faults| faults.stuck_jobs = 1.0;
    let seen = outcomes(2, 0.0, faults).await;
    assert!(seen.contains("succeeded succeeded"), "{seen:?}");
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(
        !seen.iter().any(|value| value.contains("failed")),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_forgotten_during_the_wait() {
    let forgotten = |faults: &mut Faults| {
        faults.forgotten_jobs = 1.0;
        faults.slow_jobs = 1.0;
    };
    are(
        &outcomes(2, 0.0, forgotten).await,
        &["succeeded succeeded", "unknown unknown"],
    );
}

#[tokio::test(start_paused = true)]
async fn failing_queries_and_slow_jobs_are_waited_for() {
    let slow = |faults: &mut Faults| {
        faults.slow_jobs = 1.0; // with an undocumented status
        faults.failing_job_queries = 1.0; // an error with status 200
    };
    are(&outcomes(2, 0.0, slow).await, &["succeeded succeeded"]);
    are(&outcomes(2, 1.0, slow).await, &["failed failed"]);
}
