//! Processes are killed at random instants.
//!
//! `ECS_STORE_SEEDS=500` plays this number of seeds.

use std::time::Duration;

use ecs_ops::store::StoreErrorKind;
use ecs_store_sqlite::{SqliteOptions, SqliteStore};
use ecs_test_support::store::child::{self, Task, ended, serve};
use ecs_test_support::store::process;

use crate::world::database;

const SEEDS: u64 = 4;
const SERVERS: usize = 18;
const PACE: usize = 6;

/// Not a test: what the process does that a test starts. Whatever is there of its run is taken over.
#[tokio::test]
async fn a_process() {
    let Some(mut task) = child::task() else {
        return;
    };
    let mut options = SqliteOptions::new(&task.store, process("child"));
    options.retry_limit = task.retry_limit;
    options.times = task.times();
    let store = SqliteStore::open(options).await.unwrap();
    let found = store.run(&task.run_id).await.unwrap();
    task.take_over_after = found.is_some().then_some(Duration::ZERO);
    child::report(&task.perform(&store).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_is_restarted_twice_and_none_is_lost() {
    let seeds = std::env::var("ECS_STORE_SEEDS");
    let seeds = seeds.map_or(SEEDS, |text| text.parse().unwrap());
    let mut unknown = 0;
    for seed in 0..seeds {
        unknown += play(seed).await;
    }
    println!(
        "{seeds} seeds, {unknown} of {} servers unknown",
        seeds as usize * SERVERS
    );
}

/// Two runs at once, each of them killed twice; returns how many servers stayed unknown.
async fn play(seed: u64) -> usize {
    let database = database().await.unwrap();
    let sim = serve(SERVERS, "127.0.0.1:0", None).await;
    let all: Vec<_> = sim.region().with(|region| region.servers().collect());
    let mut runs = tokio::task::JoinSet::new();
    for (number, servers) in all.chunks(SERVERS / 2).enumerate() {
        let file = database.file.to_str().unwrap().to_owned();
        let mut task = Task::of(file, &sim, None, &format!("r{number}"));
        task.servers = servers.to_vec();
        task.pace = PACE;
        runs.spawn(async move {
            for life in 0..2 {
                let mut process = task.start(&[], "killed::a_process");
                let draw = (seed * 7919 + number as u64 * 104_729 + life * 1_299_709) % 1500;
                tokio::time::sleep(Duration::from_millis(draw)).await;
                process.kill().await.unwrap();
            }
            ended(task.start(&[], "killed::a_process")).await
        });
    }
    let mut unknown = 0;
    for ended in runs.join_all().await {
        assert_eq!(ended.journal_failed, None, "seed {seed}");
        assert_eq!(
            ended.succeeded + ended.unknown,
            SERVERS / 2,
            "seed {seed}: {ended:?}"
        );
        unknown += ended.unknown;
    }
    sim.region().with(|region| {
        let times = |id| region.accepted().times(id);
        assert!(all.iter().all(|id| times(id) <= 1), "seed {seed}: twice");
        let lost = all.iter().filter(|id| times(id) == 0).count();
        assert!(
            lost <= unknown,
            "seed {seed}: {lost} lost, {unknown} unknown"
        );
        let peak = region
            .accepted()
            .peak(ecs_sim::ActionKind::Reboot, Duration::from_secs(60));
        assert!(peak <= PACE, "seed {seed}: {peak} servers in a minute");
    });
    let store = SqliteStore::open(database.options("end")).await.unwrap();
    let missing = store.records("none").await.unwrap_err();
    assert_eq!(missing.kind(), StoreErrorKind::NoRun);
    unknown
}
