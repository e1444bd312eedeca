//! A server that follows another one and cannot write: it is read, and never written.

use std::time::Duration;

use ecs_ops::journal::Record;
use ecs_store_postgres::{PostgresStore, StoreErrorKind};
use ecs_test_support::postgres::Postgres;
use tokio::time::timeout;

use crate::world::{Database, append, begin, ids, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_shows_runs_and_keeps_none() {
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server: &'static Postgres = Box::leak(Box::new(server.unwrap()));
    let database = Database::new(server).await;
    let writer = database.store("a").await;
    let journal = begin(&writer, "r", ids(0..2)).await;
    let port = server.start_standby().unwrap();
    let primary = server.address("owner", &database.name);
    let standby = primary.replace(&format!(":{}/", server.port()), &format!(":{port}/"));

    let mut to_write = options(&standby, "b");
    to_write.retry_limit = Duration::from_secs(1);
    let error = PostgresStore::open(to_write).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");

    let reader = PostgresStore::open_read_only(options(&standby, "b"));
    let reader = reader.await.unwrap();
    let mut follower = reader.follow("r");
    let mut records = 0;
    let mut wave = 0;
    // A record arrives also without notifications, which a standby does not have.
    while records < 5 {
        append(&journal, Record::WaveBegan { wave }).await.unwrap();
        wave += 1;
        let update = timeout(Duration::from_secs(60), follower.next()).await;
        records += update.expect("an update comes").unwrap().entries.len();
    }
    let runs = reader.runs(10).await.unwrap();
    assert_eq!((runs.len(), runs[0].run_id.as_str()), (1, "r"));

    // It is read also while the other one is away.
    server.stop().unwrap();
    assert_eq!(reader.runs(10).await.unwrap().len(), 1);
    assert!(reader.records("r").await.unwrap().entries.len() >= 5);
    // Of both the first one that answers is read, and only one that can write is written.
    let (_, of_standby) = standby.rsplit_once('@').unwrap();
    let (_, of_primary) = primary.rsplit_once('@').unwrap();
    let (host, name) = of_primary.split_once('/').unwrap();
    let (host_of_standby, _) = of_standby.split_once('/').unwrap();
    let both = format!("postgres://owner@{host},{host_of_standby}/{name}");
    let reader = PostgresStore::open_read_only(options(&both, "b"))
        .await
        .unwrap();
    assert_eq!(reader.runs(10).await.unwrap().len(), 1);
    server.restart().unwrap();
    PostgresStore::open(options(&both, "b")).await.unwrap();
}
