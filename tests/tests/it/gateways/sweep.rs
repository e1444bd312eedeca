//! Many gateways between client and region, drawn from seeds, on virtual time: pages in place of
//! answers and of requests, caches, queues, lost answers. Afterwards the reports are compared with
//! what the region accepted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::RebootType;
use ecs_ops::{Client, ErrorKind, OnUnknown, Outcome, Report};
use ecs_sim::{Region, SimTransport};
use ecs_tests::sweep::{Gateway, GatewayKind as Kind, Habits};
use http::{Request, Response};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secrecy::ExposeSecret as _;

/// By then everything that a gateway holds has been delivered.
const SETTLING: Duration = Duration::from_secs(3600);
/// The longest time for which a request may be held: less than the three minutes after which absence counts.
const WITHIN_THE_LIMIT: u64 = 170;
const BEYOND_THE_LIMIT: u64 = 1200;

/// Simulates one seed and returns the violations.
fn violations(seed: u64, kind: Kind, longest: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(simulate(seed, kind, longest))
}

async fn simulate(seed: u64, kind: Kind, longest: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let habits = Habits::draw(&mut rng, longest);
    let servers = rng.random_range(1..20);
    let region = Region::builder()
        .servers(servers)
        .seed(seed)
        .build()
        .unwrap();
    let ids: Vec<_> = region.servers().collect();
    let identity = region.identity().clone();
    let epoch = region.epoch();
    let sim = SimTransport::new(region);
    sim.now();
    let gateway = Gateway::new(Arc::new(sim.clone()), habits, kind, seed);
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let client = Client::builder(
        "https://ecs.sim.example".parse().unwrap(),
        identity.project_id,
    )
    .credentials(StaticCredentials::new(token))
    .transport(gateway)
    .attempt_timeout(Duration::from_secs([2, 60][rng.random_range(0..2)]))
    .seed(seed)
    .epoch(epoch)
    .build()
    .unwrap();
    let run = client
        .reboot(RebootType::Soft, ids)
        .batch_size(rng.random_range(1..6))
        .on_unknown(OnUnknown::of(rng.random_bool(0.7), false))
        .deadline(Duration::from_secs(3000));
    let report = match run.begin().await {
        Ok(run) => Some(run.await),
        // Only pages in place of lists could cause that, and there are none.
        Err(error) => return vec![format!("it did not begin: {:?} {error}", error.kind())],
    };
    tokio::time::sleep(SETTLING).await;
    let violations = wrong(&report.unwrap(), &sim);
    violations
        .into_iter()
        .map(|violation| format!("seed {seed}, {habits:?}: {violation}"))
        .collect()
}

/// Returns the certain claims of a report that the region's record contradicts, and duplicate
/// executions.
fn wrong(report: &Report, sim: &SimTransport) -> Vec<String> {
    sim.region().with(|region| {
        let accepted = region.accepted();
        let mut wrong = Vec::new();
        if accepted.most_times() > 1 {
            wrong.push(format!("executed {} times", accepted.most_times()));
        }
        for server in &report.servers {
            let executed = accepted.times(&server.id) > 0;
            let claim = match &server.outcome {
                Outcome::NotAttempted { .. } | Outcome::Failed { job_id: None, .. } => Some(false),
                Outcome::Succeeded { .. } | Outcome::Running { .. } => Some(true),
                _ => None,
            };
            if claim.is_some_and(|claim| claim != executed) {
                let (name, error) = (server.outcome.name(), server.outcome.error());
                wrong.push(format!("false {name}: executed {executed}, {error:?}"));
            }
        }
        wrong
    })
}

#[test]
fn gateways_cause_no_second_execution_and_no_false_claim() {
    for seed in 0..400 {
        let violations = violations(seed, Kind::AsItIs, WITHIN_THE_LIMIT);
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

#[track_caller]
fn is_found(kind: Kind, longest: u64, expected: &str) {
    let shows = |seed| {
        let violations = violations(seed, kind, longest);
        violations.iter().any(|text| text.contains(expected))
    };
    assert!((0..400).any(shows), "{kind:?} is not found");
}

/// The sweep finds mistakes: clients with one mistake each.
#[test]
fn mistakes_are_found() {
    is_found(
        Kind::BelievesThrottlingPages,
        WITHIN_THE_LIMIT,
        "executed 2 times",
    );
    is_found(Kind::BelievesRefusalPages, WITHIN_THE_LIMIT, "false failed");
    is_found(
        Kind::BelievesCaches,
        WITHIN_THE_LIMIT,
        "false not_attempted",
    );
}

/// The limit of what can be known: a gateway that holds requests for longer than the client
/// reconciles. `reconcile_after` must be longer than that.
#[test]
fn queues_longer_than_the_limit_cannot_be_detected() {
    is_found(Kind::AsItIs, BEYOND_THE_LIMIT, "false not_attempted");
}

/// A page in place of the first list: nothing is sent.
#[tokio::test(start_paused = true)]
async fn page_in_place_of_the_first_read_ends_the_run() {
    let transport = ecs_ops::transport::FnTransport::new(|_: Request<Bytes>, _| async {
        Ok(Response::new(Bytes::from_static(
            b"<html><title>Login</title></html>",
        )))
    });
    let token = Credentials::token("token").unwrap();
    let client = Client::builder(
        "https://ecs.sim.example".parse().unwrap(),
        "p1".parse().unwrap(),
    )
    .credentials(StaticCredentials::new(token))
    .transport(transport)
    .build()
    .unwrap();
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19".parse().unwrap();
    let error = client.start([id]).begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTheService);
}
