//! The database goes away and comes back, in an orderly way or not.

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::Stopped;
use ecs_ops::model::RebootType;
use ecs_test_support::postgres::Postgres;

use crate::fleet::{Fleet, to_end};
use crate::world::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_while_the_database_is_away_and_the_run_continues_after_it() {
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server: &'static Postgres = Box::leak(Box::new(server.unwrap()));
    let database = Database::new(server).await;
    for (round, crash) in [false, true].into_iter().enumerate() {
        let fleet = Fleet::new(24, 3, 6);
        let store = database.store("a").await;
        let run = fleet
            .client()
            .reboot(RebootType::Soft, fleet.servers.clone());
        let run = run
            .run_id(format!("r{round}"))
            .batch_size(3)
            .journal(store.journal());
        let run = tokio::spawn(to_end(run));
        while fleet.accepted() < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if crash {
            server.kill().unwrap()
        } else {
            server.stop().unwrap()
        }
        // The announced request may still arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = fleet.accepted();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(
            fleet.accepted(),
            before,
            "two minutes of the service have passed"
        );
        assert!(before < 24);
        server.restart().unwrap();
        let report = run.await.unwrap().unwrap();
        assert_eq!(
            report.summary().succeeded,
            24,
            "{:?} {:?}",
            report.stopped,
            report.summary()
        );
        assert!(fleet.servers.iter().all(|id| fleet.times(id) == 1));
        assert!(fleet.peak() <= 6);
    }
    server.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stays_away_ends_the_run_and_accepted_jobs_are_polled() {
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server: &'static Postgres = Box::leak(Box::new(server.unwrap()));
    let database = Database::new(server).await;
    let fleet = Fleet::new(24, 3, 6);
    let mut options = database.options("a");
    options.retry_limit = Duration::from_secs(1);
    let store = ecs_store_postgres::PostgresStore::open(options)
        .await
        .unwrap();
    let run = fleet
        .client()
        .reboot(RebootType::Soft, fleet.servers.clone());
    let run = run.batch_size(3).journal(store.journal());
    let server = Arc::new(server);
    let run = tokio::spawn(to_end(run));
    while fleet.accepted() < 6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop().unwrap();
    let report = run.await.unwrap().unwrap();
    assert!(
        matches!(report.stopped, Some(Stopped::JournalFailed(_))),
        "{:?}",
        report.stopped
    );
    let summary = report.summary();
    assert_eq!(summary.succeeded, fleet.accepted(), "{summary:?}");
    assert_eq!(summary.not_attempted, 24 - fleet.accepted(), "{summary:?}");
}
