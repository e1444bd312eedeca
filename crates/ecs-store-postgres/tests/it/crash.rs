//! Processes and the server die at random instants.
//!
//! `ECS_STORE_SEEDS=500` runs this number of seeds, `ECS_STORE_SEED=17` just this one.

use std::time::Duration;

use ecs_ops::{Outcome, Report, Stopped};
use ecs_store_postgres::{PostgresStore, Takeover};
use ecs_test_support::postgres::Postgres;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::fleet::{Fleet, run_or_resume, to_end};
use crate::world::Database;

const SEEDS: u64 = 6;
const RUNS: usize = 3;
const SERVERS: usize = 12;
const PACE: usize = 12;
/// The number of times that a run is taken from its process.
const LIVES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_is_restarted_twice_and_none_is_lost_whatever_dies() {
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server: &'static Postgres = Box::leak(Box::new(server.unwrap()));
    let database = Database::new(server).await;
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seeds = match number("ECS_STORE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECS_STORE_SEEDS").unwrap_or(SEEDS),
    };
    let mut unknown = 0;
    for seed in seeds.clone() {
        unknown += play(server, &database, seed).await;
    }
    println!(
        "{} seeds, {unknown} of {} servers unknown",
        seeds.clone().count(),
        seeds.count() * RUNS * SERVERS
    );
    server.stop().unwrap();
}

/// Plays one seed; returns how many servers stayed unknown.
async fn play(server: &'static Postgres, database: &Database, seed: u64) -> usize {
    let fleet = Fleet::new(RUNS * SERVERS, seed, PACE);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut runs = tokio::task::JoinSet::new();
    for (number, servers) in fleet.servers.chunks(SERVERS).enumerate() {
        let (fleet, servers, options) = (
            fleet.clone(),
            servers.to_vec(),
            database.options(&format!("h{number}")),
        );
        let rng = ChaCha8Rng::seed_from_u64(rng.random());
        runs.spawn(lives(
            fleet,
            options,
            format!("s{seed}r{number}"),
            servers,
            rng,
        ));
    }
    let crash_at = Duration::from_millis(rng.random_range(0..2500));
    let away = Duration::from_millis(rng.random_range(0..400));
    tokio::time::sleep(crash_at).await;
    server.kill().unwrap();
    tokio::time::sleep(away).await;
    server.restart().unwrap();
    let reports = runs.join_all().await;
    let mut unknown = 0;
    for report in &reports {
        check(&fleet, report, seed);
        unknown += report.summary().unknown;
    }
    assert!(
        fleet.peak() <= PACE,
        "seed {seed}: {} servers in a minute",
        fleet.peak()
    );
    unknown
}

/// The lives of a run: each but the last is ended by a kill, or by a takeover while it is alive.
async fn lives(
    fleet: Fleet,
    options: ecs_store_postgres::StoreOptions,
    run_id: String,
    servers: Vec<ecs_ops::model::ServerId>,
    mut rng: ChaCha8Rng,
) -> Report {
    let mut zombies = Vec::new();
    for _ in 0..LIVES {
        let life = tokio::spawn(life(
            fleet.clone(),
            options.clone(),
            run_id.clone(),
            servers.clone(),
        ));
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..900))).await;
        if rng.random() {
            life.abort();
        } else {
            zombies.push(life);
        }
    }
    let report = loop {
        let report = life(
            fleet.clone(),
            options.clone(),
            run_id.clone(),
            servers.clone(),
        )
        .await;
        // A process that was about to take the run over, when the database was away, did so after this one.
        if !matches!(report.stopped, Some(Stopped::JournalFailed(_))) {
            break report;
        }
    };
    for zombie in zombies {
        // It ends by itself: fenced, or before it was taken over.
        let ended = tokio::time::timeout(Duration::from_secs(60), zombie).await;
        drop(ended.expect("a process that lost its run ends").unwrap());
    }
    report
}

async fn life(
    fleet: Fleet,
    options: ecs_store_postgres::StoreOptions,
    run_id: String,
    servers: Vec<ecs_ops::model::ServerId>,
) -> Report {
    loop {
        let started = async {
            let store = PostgresStore::open(options.clone()).await?;
            run_or_resume(&fleet, &store, &run_id, &servers, Takeover::AtOnce).await
        };
        match started.await {
            // It may be that another began it meanwhile.
            Ok(run) => match to_end(run).await {
                Ok(report) => return report,
                Err(error) => assert!(error.to_string().contains("journal"), "{error}"),
            },
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn check(fleet: &Fleet, report: &Report, seed: u64) {
    assert_eq!(report.servers.len(), SERVERS, "seed {seed}: {report:?}");
    for server in &report.servers {
        let times = fleet.times(&server.id);
        let holds = match &server.outcome {
            Outcome::Succeeded { .. } => times == 1,
            // It was being sent when its process died.
            Outcome::Unknown { .. } => times <= 1,
            _ => false,
        };
        assert!(
            holds,
            "seed {seed}: {times} times: {server:?}, {:?}",
            report.stopped
        );
    }
}
