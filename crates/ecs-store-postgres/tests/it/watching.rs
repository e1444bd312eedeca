//! Notifications: what only PostgreSQL has of watching runs.

use std::time::{Duration, Instant};

use ecs_ops::journal::Record;
use ecs_ops::store::{Change, Changes, Store, StoreErrorKind, StoreTimes};
use ecs_store_postgres::PostgresStore;
use tokio::time::timeout;

use crate::pooler::Pooler;
use crate::world::{Database, append, begin, database, ids};

const MINUTE: Duration = Duration::from_secs(60);

/// A store that never polls within a test.
async fn without_polls(database: &Database) -> Store {
    let mut options = database.options("watcher");
    options.times = StoreTimes::default();
    options.times.poll_interval = MINUTE;
    (*PostgresStore::open_read_only(options).await.unwrap()).clone()
}

async fn next(changes: &mut Changes) -> Change {
    let next = timeout(Duration::from_secs(20), changes.next()).await;
    next.expect("a notification comes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_names_the_run_and_comes_at_once() {
    let Some(database) = database().await else {
        return;
    };
    let writer = database.store("a").await;
    let journal = begin(&writer, "r", ids(0..2)).await;
    let watcher = without_polls(&database).await;
    let mut follower = watcher.follow("r");
    assert_eq!(follower.next().await.unwrap().entries.len(), 1);
    let mut changes = watcher.changes();
    assert_eq!(next(&mut changes).await, Change::Any);
    let mut slowest = Duration::ZERO;
    for wave in 0..20 {
        let appended = append(&journal, Record::WaveBegan { wave });
        appended.await.unwrap();
        let began = Instant::now();
        assert_eq!(next(&mut changes).await, Change::Runs(["r".into()].into()));
        slowest = slowest.max(began.elapsed());
    }
    println!("the slowest of 20 notifications took {slowest:?}");
    let mut records = 0;
    while records < 20 {
        let update = timeout(Duration::from_secs(20), follower.next()).await;
        records += update.expect("without a poll").unwrap().entries.len();
    }
    // A sign of life is no change.
    database
        .execute("SELECT ecsctl.touch('r', 1); UPDATE ecsctl.runs SET seen_at = clock_timestamp()")
        .await;
    assert!(
        timeout(Duration::from_millis(500), changes.next())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notification_is_sent_without_a_listener() {
    let Some(database) = database().await else {
        return;
    };
    let notify = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                  (SELECT oid FROM pg_database WHERE datname = current_database())";
    let writer = database.store("a").await;
    begin(&writer, "r", ids(0..2)).await;
    // The failed attempt left nothing behind.
    assert_eq!(database.value(notify).await, "0");
    let watcher = without_polls(&database).await;
    let mut changes = watcher.changes();
    assert_eq!(next(&mut changes).await, Change::Any);
    assert_eq!(database.value(notify).await, "1");
    drop(changes);
    for _ in 0..100 {
        if database.value(notify).await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the lock of a watcher that is gone is still held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_breaks_is_made_anew() {
    let Some(database) = database().await else {
        return;
    };
    let writer = database.store("a").await;
    let watcher = without_polls(&database).await;
    let mut changes = watcher.changes();
    assert_eq!(next(&mut changes).await, Change::Any);
    for round in 0..3 {
        let ended = database
            .value("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
            .await;
        assert_eq!(ended, "1");
        // It says that something may have been missed, and listens again.
        assert_eq!(next(&mut changes).await, Change::Any);
        let run = format!("r{round}");
        begin(&writer, &run, ids(round..round + 1)).await;
        assert_eq!(next(&mut changes).await, Change::Runs([run].into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_polls_find_changes_without_notifications() {
    let Some(database) = database().await else {
        return;
    };
    let Some(pooler) = Pooler::start(database.server) else {
        return;
    };
    let watcher = pooler.store(&database, "watcher").await;
    // Other clients of the pooler get its server connections in between.
    let writer = pooler.store(&database, "a").await;
    let journal = begin(&writer, "r", ids(0..2)).await;
    let mut follower = watcher.follow("r");
    assert_eq!(follower.next().await.unwrap().entries.len(), 1);
    let mut seen = 1;
    for wave in 0..100 {
        append(&journal, Record::WaveBegan { wave }).await.unwrap();
    }
    append(&journal, Record::Ended {}).await.unwrap();
    while seen < 102 {
        let update = timeout(Duration::from_secs(20), follower.next()).await;
        let update = update.expect("a poll finds it").unwrap();
        for entry in update.entries {
            assert_eq!(entry.seq, seen);
            seen += 1;
        }
    }
}

/// Tables of version 1, as an earlier program made them, are migrated during a run.
#[tokio::test]
async fn tables_of_version_1_are_migrated_during_a_run() {
    let Some(database) = database().await else {
        return;
    };
    database
        .execute(&format!(
            "DROP SCHEMA ecsctl CASCADE; CREATE SCHEMA ecsctl; SET search_path = ecsctl, pg_temp;
             CREATE TABLE migrations (version integer PRIMARY KEY, oldest_writer integer NOT NULL,
                oldest_reader integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                db_user text NOT NULL DEFAULT session_user);
             INSERT INTO migrations VALUES (1, 1, 1); {}
             SELECT ecsctl.begin_run('old', 'f0000000-0000-0000-0000-000000000001', '{{}}', 'e', 'p', 'reboot', 1, 'u', 'h', 1, 'p')",
            include_str!("../../src/schema/0001.sql")
        ))
        .await;
    let error = PostgresStore::open(database.options("a"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::OldTables, "{error}");
    let migrated = PostgresStore::migrate(database.options("setup"), &[]).await;
    assert_eq!(migrated.unwrap(), (1, 2));
    let (version, writer, reader) = ("max(version)", "max(oldest_writer)", "max(oldest_reader)");
    let oldest =
        format!("SELECT concat_ws(' ', {version}, {writer}, {reader}) FROM ecsctl.migrations");
    assert_eq!(database.value(&oldest).await, "2 1 1");
    // The program of before writes on.
    let appended = "SELECT ecsctl.append('old', 1, 1, 'f0000000-0000-0000-0000-000000000002', '{x}', '{}', '{}', '{}', '{}', true)";
    assert!(database.value(appended).await.contains("written"));
    let store = database.store("a").await;
    assert_eq!(store.runs(5).await.unwrap().len(), 1);
}
